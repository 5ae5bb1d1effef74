// OCI bundles around a busybox root, and tsrunc run on them in a private state root; used by the tests of test/oci.
import { execFile, type SpawnSyncOptions, spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

export const tsrunc = resolve(import.meta.dirname, '../../dist/bin/tsrunc');

const applets =
  'sh ls cat id true false sleep ps echo mount hostname env mkdir touch kill head stat tty stty wc grep dd pwd';

/** The parts of config.json that the tests change; all else is as `tsrunc spec` writes it. */
export interface BundleConfig {
  process: {
    terminal: boolean;
    args: string[];
    cwd: string;
    env: string[];
    user: Record<string, unknown>;
    [key: string]: unknown;
  };
  root: { path: string; readonly: boolean };
  mounts: { destination: string; type?: string; source?: string; options?: string[] }[];
  linux: { namespaces: { type: string; path?: string }[]; resources: Record<string, unknown>; [key: string]: unknown };
  [key: string]: unknown;
}

export interface Outcome {
  status: number | null;
  stdout: string;
  stderr: string;
}

/**
 * What a program printed on the terminal that script(1) gave it. script passes the end of its own input on as ^D, which
 * the terminal echoes as ^@ and two backspaces, between whatever else is printed at that moment.
 */
export function printedOnTerminal(transcript: string): string {
  return transcript.replace('^@', '').replaceAll(/[\r\0\b]/g, '');
}

export class Workbench {
  readonly directory = mkdtempSync(join(tmpdir(), 'tsrunc-test-'));
  readonly rootfs = join(this.directory, 'rootfs');
  readonly stateRoot = join(this.directory, 'state');
  private made = 0;

  constructor() {
    mkdirSync(join(this.rootfs, 'bin'), { recursive: true });
    cpSync('/bin/busybox', join(this.rootfs, 'bin/busybox'));
    for (const name of applets.split(' ')) symlinkSync('busybox', join(this.rootfs, 'bin', name));
  }

  /** A bundle directory whose command is `args`, changed further by `change`. */
  bundle(args: string[], change: (config: BundleConfig) => void = () => {}): string {
    this.made += 1;
    const bundle = join(this.directory, `bundle${this.made}`);
    mkdirSync(bundle);
    const { stdout } = spawnSync(tsrunc, ['spec', '-b', bundle], { encoding: 'utf8' });
    const path = join(bundle, 'config.json');
    const config = JSON.parse(spawnSync('cat', [path], { encoding: 'utf8' }).stdout || stdout) as BundleConfig;
    config.process.terminal = false;
    config.process.args = args;
    config.root = { path: this.rootfs, readonly: true };
    change(config);
    writeFileSync(path, JSON.stringify(config));
    return bundle;
  }

  /** tsrunc with this state root. stdio is piped unless `options` says otherwise. */
  run(args: string[], options: SpawnSyncOptions = {}): Outcome {
    const result = spawnSync(tsrunc, ['--root', this.stateRoot, ...args], {
      encoding: 'utf8',
      timeout: 30_000,
      input: '',
      ...options,
    });
    return { status: result.status, stdout: String(result.stdout ?? ''), stderr: String(result.stderr ?? '') };
  }

  /** A container run to its end. */
  runOnce(id: string, args: string[], change?: (config: BundleConfig) => void): Outcome {
    return this.run(['run', '-b', this.bundle(args, change), id]);
  }

  /** tsrunc with a terminal of its own; what it printed there. */
  runInTerminal(args: string[]): string {
    const command = [tsrunc, '--root', this.stateRoot, ...args].join(' ');
    const result = spawnSync('script', ['-qec', command, '/dev/null'], {
      encoding: 'utf8',
      input: '',
      timeout: 20_000,
    });
    return printedOnTerminal(result.stdout);
  }

  /** The same, while this process goes on: for tests that answer somebody meanwhile. */
  runAside(id: string, args: string[], change?: (config: BundleConfig) => void): Promise<Outcome> {
    return this.aside(['run', '-b', this.bundle(args, change), id]);
  }

  execAside(id: string, args: string[]): Promise<Outcome> {
    return this.aside(['exec', id, ...args]);
  }

  private aside(args: string[]): Promise<Outcome> {
    return new Promise((resolve) => {
      execFile(tsrunc, ['--root', this.stateRoot, ...args], { timeout: 30_000 }, (error, stdout, stderr) => {
        const status = error === null ? 0 : typeof error.code === 'number' ? error.code : null;
        resolve({ status, stdout, stderr });
      });
    });
  }

  /** A container created and started, its stdio on /dev/null. */
  start(id: string, args: string[], change?: (config: BundleConfig) => void): void {
    const created = this.create(id, args, change);
    if (created.status !== 0) throw new Error(`create ${id}: ${created.stderr}`);
    const started = this.run(['start', id]);
    if (started.status !== 0) throw new Error(`start ${id}: ${started.stderr}`);
  }

  create(id: string, args: string[], change?: (config: BundleConfig) => void): Outcome {
    // stdout must not be a pipe of ours: init keeps it open, and spawnSync would wait for it.
    const errors = join(this.directory, `${id}.err`);
    const result = spawnSync(
      'sh',
      [
        '-c',
        '"$@" </dev/null >/dev/null 2>"$ERRORS"',
        'sh',
        tsrunc,
        '--root',
        this.stateRoot,
        'create',
        '-b',
        this.bundle(args, change),
        id,
      ],
      { env: { ...process.env, ERRORS: errors }, timeout: 30_000 },
    );
    return { status: result.status, stdout: '', stderr: spawnSync('cat', [errors], { encoding: 'utf8' }).stdout };
  }

  status(id: string): string {
    const { status, stdout } = this.run(['state', id]);
    return status === 0 ? (JSON.parse(stdout) as { status: string }).status : 'absent';
  }

  /** Names of what is still in the state root; the caches, which begin with a dot, do not count. */
  left(): string[] {
    return readdirSync(this.stateRoot).filter((name) => !name.startsWith('.'));
  }

  /** Cgroup directories of that name in any hierarchy. */
  cgroups(id: string): string[] {
    const { stdout } = spawnSync('find', ['/sys/fs/cgroup', '-type', 'd', '-name', id], { encoding: 'utf8' });
    return stdout.split('\n').filter((line) => line !== '');
  }

  dispose(): void {
    for (const id of this.left()) this.run(['delete', '-f', id]);
    rmSync(this.directory, { recursive: true, force: true });
  }
}

/** Tries until `check` holds, at most `timeoutMs`. */
export async function until(check: () => boolean, timeoutMs = 5000): Promise<void> {
  const deadline = Date.now() + timeoutMs;
  while (!check()) {
    if (Date.now() > deadline) throw new Error(`not within ${timeoutMs} ms`);
    await new Promise((resume) => setTimeout(resume, 20));
  }
}
