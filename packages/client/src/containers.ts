// The containers of an engine: list, create, and run in the order that misses nothing.

import { Container } from './container.ts';
import type { Abortable } from './container-life.ts';
import type { ContainerCreateBody, ContainerSummary, ContainersPruned } from './contracts/engine-api.ts';
import type { EngineCalls, QueryOf } from './engine-calls.ts';
import { isNotFound } from './errors.ts';
import type { Images } from './images.ts';
import { RunningContainer } from './running-container.ts';

export interface CreateOptions extends Abortable {
  name?: string | undefined;
  /** os[/arch[/variant]]. */
  platform?: string | undefined;
  /** What to do when the image is not there: pull it, or reject. `missing` by default. */
  pull?: 'missing' | 'never' | undefined;
}

export interface RunOptions extends CreateOptions {
  /** What it reads; `true` keeps its input open for `stdin.write` and `stdin.end`. */
  stdin?: string | Uint8Array | NodeJS.ReadableStream | true | undefined;
}

export class Containers {
  readonly #calls: EngineCalls;
  readonly #images: Images;

  constructor(calls: EngineCalls, images: Images) {
    this.#calls = calls;
    this.#images = images;
  }

  list({ signal, ...query }: QueryOf<'ContainerList'> & Abortable = {}): Promise<ContainerSummary[]> {
    return this.#calls.json('ContainerList', { query, signal });
  }

  /** By id, a prefix of it, or name. The engine is not asked. */
  get(id: string): Container {
    return new Container(this.#calls, id);
  }

  async create(body: ContainerCreateBody, options: CreateOptions = {}): Promise<Container> {
    const { name, platform, pull = 'missing', signal } = options;
    const create = () => this.#calls.json('ContainerCreate', { query: { name, platform }, body, signal });
    const { Id } = await create().catch(async (error) => {
      if (pull === 'never' || !isNotFound(error) || !/no such image/i.test((error as Error).message)) throw error;
      await this.#images.pull(body.Image ?? '', { platform, signal });
      return await create();
    });
    return new Container(this.#calls, Id);
  }

  /**
   * Creates a container, attaches to it, watches for its exit, and starts it: nothing that it writes or returns is missed,
   * however short its life. What fails on the way leaves no container behind.
   */
  async run(body: ContainerCreateBody, options: RunOptions = {}): Promise<RunningContainer> {
    const { stdin, signal } = options;
    const input = stdin === undefined ? {} : { AttachStdin: true, OpenStdin: true, StdinOnce: true };
    const container = await this.create({ AttachStdout: true, AttachStderr: true, ...input, ...body }, options);
    try {
      const session = await container.attach({ stdin: stdin !== undefined, signal });
      session.stdin.on('error', () => undefined); // told by the session
      const condition = body.HostConfig?.AutoRemove ? 'removed' : 'next-exit';
      const { exited } = await container.watchExit({ condition, signal });
      await container.start({ signal });
      return new RunningContainer(container, session, exited, stdin);
    } catch (error) {
      await container.remove({ force: true, v: true }).catch(() => undefined); // the first failure is the one to tell
      throw error;
    }
  }

  /** Those that do not run. */
  prune({ signal, ...query }: QueryOf<'ContainerPrune'> & Abortable = {}): Promise<ContainersPruned> {
    return this.#calls.json('ContainerPrune', { query, signal });
  }
}
