// The life of a container, from its start to its removal, and what is known of it on the way. Container is the rest.
import { setTimeout as pause } from 'node:timers/promises';
import type { ContainerInspect, ContainerUpdateBody, FilesystemChange, ProcessTable } from './contracts/engine-api.ts';
import type { EngineCalls, QueryOf } from './engine-calls.ts';
import { EngineError, ProtocolError } from './errors.ts';
import { readJsonLines } from './json-lines.ts';

export interface Abortable {
  signal?: AbortSignal | undefined;
}

export type WaitCondition = NonNullable<QueryOf<'ContainerWait'>['condition']>;

/** Between two looks at its health. */
const healthPauseMs = 100;

export abstract class ContainerLife {
  /** As it was created or named. */
  readonly id: string;
  protected readonly calls: EngineCalls;

  constructor(calls: EngineCalls, id: string) {
    this.calls = calls;
    this.id = id;
  }

  inspect(options: QueryOf<'ContainerInspect'> & Abortable = {}): Promise<ContainerInspect> {
    const { signal, ...query } = options;
    return this.calls.json('ContainerInspect', { of: this.id, query, signal });
  }

  /** One that runs already is left as it is. */
  async start({ signal }: Abortable = {}): Promise<void> {
    await this.calls.status('ContainerStart', { of: this.id, signal });
  }

  /** One that does not run is left as it is. `t`: seconds until it is killed. */
  async stop({ signal: abort, ...query }: { t?: number } & Abortable = {}): Promise<void> {
    await this.calls.status('ContainerStop', { of: this.id, query, signal: abort });
  }

  async restart({ signal: abort, ...query }: { t?: number } & Abortable = {}): Promise<void> {
    await this.calls.status('ContainerRestart', { of: this.id, query, signal: abort });
  }

  /** SIGKILL by default. */
  async kill(signalName?: string, { signal }: Abortable = {}): Promise<void> {
    await this.calls.status('ContainerKill', { of: this.id, query: { signal: signalName }, signal });
  }

  async pause({ signal }: Abortable = {}): Promise<void> {
    await this.calls.status('ContainerPause', { of: this.id, signal });
  }

  async unpause({ signal }: Abortable = {}): Promise<void> {
    await this.calls.status('ContainerUnpause', { of: this.id, signal });
  }

  async rename(name: string, { signal }: Abortable = {}): Promise<void> {
    await this.calls.status('ContainerRename', { of: this.id, query: { name }, signal });
  }

  /** What the engine warns of. */
  async update(body: ContainerUpdateBody, { signal }: Abortable = {}): Promise<string[]> {
    return (await this.calls.json('ContainerUpdate', { of: this.id, body, signal })).Warnings ?? [];
  }

  /** `force` kills it first; `v` takes its anonymous volumes along. */
  async remove({ signal, ...query }: Omit<QueryOf<'ContainerDelete'>, 'link'> & Abortable = {}): Promise<void> {
    await this.calls.status('ContainerDelete', { of: this.id, query, signal });
  }

  top(psArguments?: string, { signal }: Abortable = {}): Promise<ProcessTable> {
    return this.calls.json('ContainerTop', { of: this.id, query: { ps_args: psArguments }, signal });
  }

  async changes({ signal }: Abortable = {}): Promise<FilesystemChange[]> {
    return (await this.calls.json('ContainerChanges', { of: this.id, signal })) ?? [];
  }

  /** Rows and columns of its terminal. */
  async resize(size: { h: number; w: number }, { signal }: Abortable = {}): Promise<void> {
    await this.calls.status('ContainerResize', { of: this.id, query: size, signal });
  }

  /** The exit code, when the condition holds: by default when it does not run. */
  async wait(options: { condition?: WaitCondition } & Abortable = {}): Promise<number> {
    return (await this.watchExit({ condition: 'not-running', ...options })).exited;
  }

  /**
   * Resolves once the engine has taken note: whoever starts the container then misses no exit, however short its life.
   * `exited` is the exit code. By default it is the next exit.
   */
  async watchExit(options: { condition?: WaitCondition } & Abortable = {}): Promise<{ exited: Promise<number> }> {
    const { condition = 'next-exit', signal } = options;
    const response = await this.calls.open('ContainerWait', { of: this.id, query: { condition }, signal });
    const exited = exitCodeFrom(response);
    exited.catch(() => undefined); // told when it is asked for
    return { exited };
  }

  /** Until its health check says that it is well. Rejects when it ends, is found unhealthy, or has no health check. */
  async waitHealthy({ signal }: Abortable = {}): Promise<void> {
    for (;;) {
      const { State } = await this.inspect({ signal });
      const status = State.Running ? State.Health?.Status : 'not running';
      if (status === 'healthy') return;
      if (status !== 'starting')
        throw new EngineError(`container ${this.id} is ${status ?? 'without a health check'}`, {
          call: 'wait for health',
        });
      await pause(healthPauseMs, undefined, signal === undefined ? {} : { signal });
    }
  }

  /** Makes an image of it; the image's id. */
  async commit({ signal, ...options }: Omit<QueryOf<'ImageCommit'>, 'container'> & Abortable = {}): Promise<string> {
    const query = { container: this.id, ...options };
    return (await this.calls.json('ImageCommit', { query, body: {}, signal })).Id;
  }
}

async function exitCodeFrom(response: AsyncIterable<unknown>): Promise<number> {
  for await (const { StatusCode, Error: failure } of readJsonLines<{ StatusCode: number; Error?: { Message: string } }>(
    response,
  )) {
    if (failure?.Message) throw new EngineError(failure.Message, { call: 'POST /containers/{id}/wait' });
    return StatusCode;
  }
  throw new ProtocolError('wait for a container: the answer ended without an exit code');
}
