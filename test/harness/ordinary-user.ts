// An ordinary user with subordinate ids, in a mount namespace whose /etc knows them; the machine's own files stay as they
// are. Used by the tests of rootless containers.
import { type SpawnSyncOptions, type SpawnSyncReturns, spawn, spawnSync } from 'node:child_process';
import {
  appendFileSync,
  chmodSync,
  chownSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
} from 'node:fs';
import { join } from 'node:path';
import { until } from './command.ts';

const id = 23_456;
const name = 'tsc-ordinary';
export const subordinateUids = { first: 300_000, count: 65_536 };
export const subordinateGids = { first: 400_000, count: 65_536 };

const lines: Record<string, string> = {
  passwd: `${name}:x:${id}:${id}::/nonexistent:/bin/sh`,
  group: `${name}:x:${id}:`,
  subuid: `${name}:${subordinateUids.first}:${subordinateUids.count}`,
  subgid: `${name}:${subordinateGids.first}:${subordinateGids.count}`,
};

export class OrdinaryUser {
  readonly id = id;
  /** Theirs, and short enough for sockets. */
  readonly home = mkdtempSync('/tmp/tsc-user-');
  readonly #etc = mkdtempSync('/tmp/tsc-etc-');
  readonly #holder: ReturnType<typeof spawn>;

  private constructor() {
    chmodSync(this.home, 0o755);
    chownSync(this.home, id, id);
    const changed = join(this.#etc, 'upper');
    for (const name of ['upper', 'work']) mkdirSync(join(this.#etc, name));
    for (const [file, line] of Object.entries(lines)) {
      const copy = join(changed, file);
      if (existsSync(`/etc/${file}`)) copyFileSync(`/etc/${file}`, copy);
      appendFileSync(copy, `${line}\n`);
      chmodSync(copy, 0o644);
    }
    const layers = `lowerdir=/etc,upperdir=${changed},workdir=${this.#etc}/work`;
    const mounts = `mount --make-rshared /; mount -t overlay -o ${layers} overlay /etc`;
    const script = `ip link set lo up; ${mounts}; touch ${this.#etc}/ready; exec sleep 3600`;
    this.#holder = spawn('unshare', ['--mount', '--net', 'sh', '-ec', script], { stdio: 'ignore' });
  }

  static async make(): Promise<OrdinaryUser> {
    const user = new OrdinaryUser();
    const isReady = () => (existsSync(join(user.#etc, 'ready')) ? true : undefined);
    try {
      await until('the ordinary user’s mount namespace', 10_000, isReady);
      user.mkdir('run');
      return user;
    } catch (error) {
      user.dispose();
      throw error;
    }
  }

  /** A directory of theirs below their home. */
  mkdir(path: string): string {
    const whole = join(this.home, path);
    mkdirSync(whole, { recursive: true });
    chownSync(whole, id, id);
    return whole;
  }

  /** Runs a program as that user; `more` are further variables, as NAME=VALUE. */
  run(file: string, args: string[], options: SpawnSyncOptions = {}, more: string[] = []): SpawnSyncReturns<string> {
    const variables = [
      `PATH=${process.env['PATH']}`,
      `HOME=${this.home}`,
      `XDG_RUNTIME_DIR=${this.home}/run`,
      `USER=${name}`,
    ];
    const become = ['setpriv', `--reuid=${id}`, `--regid=${id}`, '--clear-groups', 'env', '-i', ...variables, ...more];
    const enter = ['-t', String(this.#holder.pid), '-m', '-n', `--wd=${this.home}`, ...become, file, ...args];
    return spawnSync('nsenter', enter, { encoding: 'utf8', timeout: 60_000, ...options }) as SpawnSyncReturns<string>;
  }

  dispose(): void {
    this.#holder.kill('SIGKILL');
    for (const path of [this.home, this.#etc]) rmSync(path, { recursive: true, force: true });
  }
}
