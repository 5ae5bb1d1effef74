// Starts tscontainerd when the engine is given no containerd, finds one that runs already, and starts it again when it dies.
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, existsSync, mkdirSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ContainerError, errorMessageOf } from '@tscontainer/core/errors';
import type { Logger } from '@tscontainer/platform/logger';

export interface SupervisorOptions {
  /** Durable state of the lifecycle daemon. */
  root: string;
  /** Its run-time state; the socket is in it. */
  state: string;
  logFile: string;
  logLevel: string;
  log: Logger;
}

const firstBackoffMs = 100;
const maxBackoffMs = 5000;
/** A life at least this long makes the next backoff the first again. */
const stableLifeMs = 10_000;
const stopTimeoutMs = 10_000;

// beside the bundle in a release, or in the checkout's build when run from source
const candidates = ['../bin/tscontainerd', '../../../../dist/bin/tscontainerd'].map((path) =>
  fileURLToPath(new URL(path, import.meta.url)),
);

function program(): string {
  const found = candidates.find((path) => existsSync(path));
  if (found === undefined)
    throw new ContainerError('internal', `start tscontainerd: none of ${candidates.join(', ')} exists`);
  return found;
}

/** Story: `start`, then `ensureRunning` whenever calls fail, `stop` at the end. It survives a killed engine. */
export class ContainerdSupervisor {
  readonly #options: SupervisorOptions;
  #child: ChildProcess | undefined;
  #isStopping = false;
  #backoffMs = firstBackoffMs;
  #startedAtMs = 0;
  #restart: NodeJS.Timeout | undefined;

  constructor(options: SupervisorOptions) {
    this.#options = options;
  }

  get address(): string {
    return join(this.#options.state, 'containerd.sock');
  }

  /** It was not found running: it is ours to end when nothing comes of the engine. */
  get hasSpawned(): boolean {
    return this.#child !== undefined;
  }

  start(): void {
    if (this.#runningPid() === undefined) this.#spawn();
    else this.#options.log.info({ pid: this.#runningPid() }, 'tscontainerd runs already');
  }

  /** A tscontainerd that an earlier engine started is no child of ours: its end is seen by calls that fail. */
  ensureRunning(): void {
    if (this.#isStopping || this.#restart !== undefined || this.#runningPid() !== undefined) return;
    this.#planStart();
  }

  async stop(): Promise<void> {
    this.#isStopping = true;
    clearTimeout(this.#restart);
    const pid = this.#runningPid();
    if (pid === undefined) return;
    process.kill(pid, 'SIGTERM');
    const deadline = Date.now() + stopTimeoutMs;
    while (this.#runningPid() === pid && Date.now() < deadline) await new Promise((resolve) => setTimeout(resolve, 20));
  }

  #runningPid(): number | undefined {
    const child = this.#child;
    if (child?.pid !== undefined && child.exitCode === null && child.signalCode === null) return child.pid;
    try {
      const pid = Number.parseInt(readFileSync(join(this.#options.state, 'tscontainerd.pid'), 'utf8'), 10);
      // a pid that was given to another program since is not it
      return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(this.#options.root) && isAlive(pid)
        ? pid
        : undefined;
    } catch {
      return undefined; // no pid file or no such process
    }
  }

  #spawn(): void {
    const { root, state, logFile, logLevel, log } = this.#options;
    mkdirSync(root, { recursive: true, mode: 0o711 });
    mkdirSync(state, { recursive: true, mode: 0o711 });
    const output = openSync(logFile, 'w', 0o640);
    try {
      const child = spawn(
        program(),
        ['--root', root, '--state', state, '--address', this.address, '--log-level', logLevel],
        { detached: true, stdio: ['ignore', output, output] },
      );
      child.unref();
      child.on('error', (error) => log.error({ err: errorMessageOf(error) }, 'tscontainerd not started'));
      child.on('exit', (code, signal) => {
        if (this.#isStopping) return;
        log.error({ code, signal, logFile }, 'tscontainerd ended');
        this.#planStart();
      });
      this.#child = child;
      this.#startedAtMs = Date.now();
      log.info({ pid: child.pid }, 'tscontainerd started');
    } finally {
      closeSync(output);
    }
  }

  #planStart(): void {
    if (this.#restart !== undefined) return;
    this.#backoffMs =
      Date.now() - this.#startedAtMs >= stableLifeMs ? firstBackoffMs : Math.min(this.#backoffMs * 2, maxBackoffMs);
    this.#restart = setTimeout(() => {
      this.#restart = undefined;
      if (!this.#isStopping && this.#runningPid() === undefined) this.#spawn();
    }, this.#backoffMs);
  }
}

/** A zombie has a pid but runs no more. */
function isAlive(pid: number): boolean {
  return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
}
