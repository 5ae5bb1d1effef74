// A further process in a container: attached to, with its exit code when it has ended.

import type { HijackedStream } from './connection.ts';
import type { ExecInspect } from './contracts/engine-api.ts';
import type { EngineCalls } from './engine-calls.ts';
import { EngineError } from './errors.ts';
import { type ProcessOutput, ProcessSession } from './process-session.ts';

/** Some engines close the streams a moment before they know how it ended: asked again, at most so often. */
const maxAsks = 50;
const askAgainMs = 20;

/** A process that was started without being attached to. */
export class Exec {
  readonly id: string;
  readonly #calls: EngineCalls;

  constructor(calls: EngineCalls, id: string) {
    this.#calls = calls;
    this.id = id;
  }

  inspect(signal?: AbortSignal): Promise<ExecInspect> {
    return this.#calls.json('ExecInspect', { of: this.id, signal });
  }

  /** Rows and columns of its terminal. */
  async resize(size: { h: number; w: number }, signal?: AbortSignal): Promise<void> {
    await this.#calls.status('ExecResize', { of: this.id, query: size, signal });
  }
}

export class ExecSession extends ProcessSession {
  readonly exec: Exec;
  /** The exit code; resolves when the process and its streams have ended. */
  readonly exited: Promise<number>;

  constructor(exec: Exec, stream: HijackedStream, options: { isTerminal: boolean; signal?: AbortSignal | undefined }) {
    super(stream, options);
    this.exec = exec;
    this.exited = this.closed.then(() => exitCodeOf(exec));
    this.exited.catch(() => undefined); // told when it is asked for
  }

  /** Reads both outputs to their end. */
  async output(): Promise<ProcessOutput> {
    const [text, exitCode] = await Promise.all([this.text(), this.exited]);
    return { exitCode, ...text };
  }
}

async function exitCodeOf(exec: Exec): Promise<number> {
  for (let asked = 0; asked < maxAsks; asked++) {
    const { Running, ExitCode } = await exec.inspect();
    if (!Running && ExitCode !== null) return ExitCode;
    await new Promise((resolve) => setTimeout(resolve, askAgainMs));
  }
  throw new EngineError(`exec ${exec.id}: its streams have ended and it still runs`, { call: 'GET /exec/{id}/json' });
}
