// Gives memory back once a daemon has had nothing to do for a while: V8 keeps its heap at the size of the last burst, and
// malloc, which V8's compilers and parsers use, all that was ever freed in the midst of its own.
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { ServedService } from './grpc-server.ts';

/** A collection takes some 30 ms, so it waits for a pause that is no pause between two calls of one client. */
const defaultIdleMs = 5_000;

type Collect = (options: { type: 'major'; flavor: 'last-resort' }) => void;

/** Story: `touch` at every piece of work; after `idleMs` without one the heaps are collected, once. */
export class IdleMemory {
  readonly #trimMalloc: () => void;
  readonly #idleMs: number;
  #timer: NodeJS.Timeout | undefined;
  #collect: Collect | undefined;

  constructor(trimMalloc: () => void, idleMs = defaultIdleMs) {
    this.#trimMalloc = trimMalloc;
    this.#idleMs = idleMs;
  }

  touch(): void {
    if (this.#timer === undefined) this.#timer = setTimeout(() => this.#run(), this.#idleMs).unref();
    else this.#timer.refresh();
  }

  #run(): void {
    this.#timer = undefined;
    if (this.#collect === undefined) {
      setFlagsFromString('--expose-gc'); // a context made from now on has `gc`
      this.#collect = runInNewContext('gc') as Collect;
    }
    this.#collect({ type: 'major', flavor: 'last-resort' });
    this.#trimMalloc();
  }
}

/** The service, each of whose calls counts as work. */
export function touching(service: ServedService, idle: IdleMemory): ServedService {
  const handlers = Object.entries(service.handlers).map(([name, handler]) => {
    const touched = (...call: [any, any]) => {
      idle.touch();
      return handler(...call);
    };
    return [name, touched] as const;
  });
  return { ...service, handlers: Object.fromEntries(handlers) as ServedService['handlers'] };
}
