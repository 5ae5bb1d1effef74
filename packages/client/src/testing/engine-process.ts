// The process of an engine that lives as long as we do: how it is started, how it is known again, how it ends.
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, existsSync, fstatSync, openSync, readdirSync, readFileSync, readSync, rmSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export interface EngineProcessOptions {
  program: string;
  /** Its data root, new and empty; everything else is below it. */
  directory: string;
  /** `own`: a network namespace that nobody else is in. */
  network: 'host' | 'own';
  /** Further flags of tsengined. */
  flags: readonly string[];
}

/** In the checkout, for its own tests. */
const builtProgram = fileURLToPath(new URL('../../../../dist/bin/tsengined', import.meta.url));
/** Written by an engine with --ephemeral: the pid of the one whose directory it is. */
const markName = 'ephemeral';
export const directoryPrefix = 'tsctl-engine-';
const logTailBytes = 16 * 1024;
/** Longer than an engine takes for its end, at worst. */
const endTimeoutMs = 45_000;

/** What is named, TSENGINED, the checkout's, or the first on PATH. Throws when there is none. */
export function findProgram(named: string | undefined): string {
  const path = (process.env['PATH'] ?? '').split(delimiter).map((directory) => join(directory, 'tsengined'));
  const wanted = named ?? process.env['TSENGINED'];
  const candidates = wanted === undefined ? [builtProgram, ...path] : [wanted];
  const found = candidates.find((candidate) => existsSync(candidate));
  if (found === undefined)
    throw new Error(`start an engine: no tsengined at ${wanted ?? 'PATH'}: set TSENGINED or the option program`);
  return found;
}

export function socketOf(directory: string): string {
  return join(directory, 'engine.sock');
}

function commandOf({ program, directory, network, flags }: EngineProcessOptions): [string, string[]] {
  const exec = join(directory, 'exec');
  const args = [
    ...['--ephemeral', '--host', `unix://${socketOf(directory)}`],
    ...['--data-root', directory, '--exec-root', exec, '--pidfile', join(exec, 'engine.pid')],
    ...flags,
  ];
  return network === 'own' ? ['unshare', ['--net', '--', program, ...args]] : [program, args];
}

/**
 * Story: `new` starts it; it ends when we `end` it, or when this process ends in whatever way: the kernel then closes our
 * end of the lifeline. It runs in a session of its own, so no signal meant for us reaches it.
 */
export class EngineProcess {
  readonly #options: EngineProcessOptions;
  readonly #child: ChildProcess;
  readonly #logFd: number;
  readonly #exited: Promise<void>;
  #exitText: string | undefined;
  #isEnding = false;
  #clearing: Promise<void> | undefined;

  constructor(options: EngineProcessOptions) {
    this.#options = options;
    this.#logFd = openNameless(join(options.directory, '..', `.${directoryPrefix}${process.pid}-${Date.now()}.log`));
    const [file, args] = commandOf(options);
    this.#child = spawn(file, [...args, '--lifeline', '3'], {
      detached: true,
      stdio: ['ignore', this.#logFd, this.#logFd, 'pipe'],
    });
    this.#exited = new Promise((resolve) => {
      this.#child.once('error', (error) => this.#hasExited(error.message, resolve));
      this.#child.once('exit', (code, signal) => this.#hasExited(String(signal ?? code), resolve));
    });
    this.#lifeline?.on('error', () => undefined); // it ended before us
    this.#unref();
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** How it ended: a code or a signal; undefined while it runs. */
  get exitText(): string | undefined {
    return this.#exitText;
  }

  /** The end of what it logged. */
  logTail(): string {
    const { size } = fstatSync(this.#logFd);
    const length = Math.min(size, logTailBytes);
    const bytes = Buffer.alloc(length);
    readSync(this.#logFd, bytes, 0, length, size - length);
    return bytes.toString();
  }

  /** Resolves when it has ended and nothing of it is left. Rejects when something is. */
  async end(): Promise<void> {
    this.#isEnding = true;
    this.#child.ref();
    this.#lifeline?.destroy();
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), endTimeoutMs);
    await this.#exited;
    clearTimeout(timer);
    if (this.#exitText !== '0') await this.#clear();
    const { directory } = this.#options;
    rmSync(directory, { recursive: true, force: true, maxRetries: 0 });
    closeSync(this.#logFd);
  }

  get #lifeline() {
    return this.#child.stdio[3];
  }

  /** Neither the process nor the line keeps this program from its natural end. */
  #unref(): void {
    this.#child.unref();
    (this.#lifeline as unknown as { unref(): void } | undefined)?.unref();
  }

  #hasExited(how: string, resolve: () => void): void {
    this.#exitText = how;
    resolve();
    // somebody has killed it: its containers would run on
    if (!this.#isEnding) this.#clear().catch(() => undefined); // whoever ends it is told
  }

  #clear(): Promise<void> {
    this.#clearing ??= clearDeadEngine(this.#options);
    return this.#clearing;
  }
}

/** A file without a name: it is gone with its descriptors. */
function openNameless(path: string): number {
  const fd = openSync(path, 'ax+', 0o600);
  rmSync(path);
  return fd;
}

/** Starts an engine where a killed one was, which at once comes to its end and takes everything along. */
async function clearDeadEngine(options: EngineProcessOptions): Promise<void> {
  if (!existsSync(join(options.directory, markName))) return;
  const [file, args] = commandOf(options);
  // its lifeline is cut before it begins; what it has to do it does, though we are killed
  const child = spawn(file, [...args, '--lifeline', '0'], { detached: true, stdio: ['pipe', 'ignore', 'ignore'] });
  child.stdin.end();
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', resolve);
  });
  if (code !== 0)
    throw new Error(`clear what a killed engine left in ${options.directory}: tsengined ended with ${code}`);
}

/** Those that were killed together with whoever started them. */
export async function clearDeadEngines(parent: string, program: string): Promise<void> {
  const names = readdirSync(parent).filter((name) => name.startsWith(directoryPrefix));
  for (const directory of names.map((name) => join(parent, name))) {
    if (!isDead(directory)) continue;
    // another may be at it, and what cannot be cleared is no reason to start none
    await clearDeadEngine({ program, directory, network: 'own', flags: [] }).catch(() => undefined);
  }
}

function isDead(directory: string): boolean {
  try {
    const pid = Number.parseInt(readFileSync(join(directory, markName), 'utf8'), 10);
    return !readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(directory);
  } catch (error) {
    // no mark: it is being started, or removed; a mark without a process: it is dead
    return (error as NodeJS.ErrnoException).path?.startsWith('/proc/') === true;
  }
}
