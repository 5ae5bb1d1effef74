// An engine for a test: its own daemons in its own directories, gone with the test, however that ends.
import { chmodSync, createReadStream, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Connection } from '../connection.ts';
import { toEndpoint } from '../endpoint.ts';
import { Engine } from '../engine.ts';
import { clearDeadEngines, directoryPrefix, EngineProcess, findProgram, socketOf } from './engine-process.ts';

export interface StartEngineOptions {
  /** Path of tsengined; TSENGINED or PATH by default. */
  program?: string;
  /**
   * `host`: published ports are reached on localhost. `own`: a network namespace of its own, so that nothing of the host's
   * network is touched and many engines do not meet; published ports are reached from inside it alone.
   */
  network?: 'host' | 'own';
  /** Archives of `docker save` that are loaded before it is handed out. */
  load?: readonly string[];
  /** Further flags of tsengined. */
  flags?: readonly string[];
  /** Where its directory is made; the system's temporary one by default. */
  parentDirectory?: string;
  /** Milliseconds until it has to answer. */
  readyTimeoutMs?: number;
}

const defaultReadyMs = 30_000;
const askAgainMs = 10;

/** The image that every engine of ours brings along. */
export const embeddedImage = 'tscontainer/whoami';
/** It is loaded a moment after the start. */
const embeddedImageMs = 5000;

/** Story: use it as any engine, then `stop` it (or `await using`). Its containers, networks, volumes and images go with it. */
export class StartedEngine extends Engine {
  /** Everything that it has on disk, until it stops. */
  readonly directory: string;
  readonly #process: EngineProcess;
  #stopping: Promise<void> | undefined;

  constructor(directory: string, engineProcess: EngineProcess) {
    super(new Connection({ endpoint: toEndpoint(`unix://${socketOf(directory)}`, undefined) }));
    this.directory = directory;
    this.#process = engineProcess;
  }

  get pid(): number {
    return this.#process.pid;
  }

  /** For `nsenter --net=`. */
  get networkNamespace(): string {
    return `/proc/${this.pid}/ns/net`;
  }

  /** The end of the engine's log, for the message of a test that fails. */
  logTail(): string {
    return this.#process.logTail();
  }

  /** Resolves when nothing of it is left. */
  stop(): Promise<void> {
    this.close();
    this.#stopping ??= this.#process.end();
    return this.#stopping;
  }

  override async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }
}

/** Needs root and a tsengined. Rejects with the end of its log when it does not come up, and leaves nothing then. */
export async function startEngine(options: StartEngineOptions = {}): Promise<StartedEngine> {
  const { network = 'host', flags = [], load = [], readyTimeoutMs = defaultReadyMs } = options;
  const program = findProgram(options.program);
  const parent = options.parentDirectory ?? tmpdir();
  await clearDeadEngines(parent, program);
  const directory = mkdtempSync(join(parent, directoryPrefix));
  chmodSync(directory, 0o711); // users of containers pass through
  const engineProcess = new EngineProcess({ program, directory, network, flags });
  const engine = new StartedEngine(directory, engineProcess);
  try {
    await untilReady(engine, engineProcess, readyTimeoutMs);
    for (const archive of load) await engine.images.load(createReadStream(archive));
    return engine;
  } catch (error) {
    await engine.stop();
    throw error;
  }
}

async function untilReady(engine: StartedEngine, engineProcess: EngineProcess, timeoutMs: number): Promise<void> {
  const deadline = Date.now() + timeoutMs;
  while (!(await isTrue(() => engine.system.ping()))) {
    if (engineProcess.exitText !== undefined)
      throw new Error(`start an engine: tsengined ended with ${engineProcess.exitText}:\n${engine.logTail()}`);
    if (Date.now() > deadline)
      throw new Error(`start an engine: no answer within ${timeoutMs} ms:\n${engine.logTail()}`);
    await sleep(askAgainMs);
  }
  const imageDeadline = Date.now() + embeddedImageMs;
  while (!(await isTrue(() => engine.images.inspect(embeddedImage))) && Date.now() < imageDeadline)
    await sleep(askAgainMs);
}

async function isTrue(question: () => Promise<unknown>): Promise<boolean> {
  return question().then(
    () => true,
    () => false,
  );
}
