// Opens the OCI runtime of one state root in this process; the shim's composition root calls it once.
import { ContainerError } from '@tscontainer/core/errors';
import { native, translatedCall } from './native.ts';
import type { ExitRecord, Runtime, RuntimeOptions } from './runtime.ts';

/** The addon's class: RuntimeOptions with the callbacks as plain functions, and the Runtime's verbs as methods. */
export type NativeRuntimeConstructor = new (
  root: string,
  tsrunc: string,
  onExit: (exit: ExitRecord) => void,
  onOom: (id: string) => void,
) => NativeRuntime;

interface NativeRuntime extends Runtime {
  /** Has a monitor wait for the next process: its start-up (1 to 2 ms) is then in nobody's way. At most one waits. */
  prepareMonitor(): Promise<void>;
}

const verbs = [
  'create',
  'restore',
  'checkpoint',
  'start',
  'exec',
  'kill',
  'delete',
  'deleteExec',
  'state',
  'pids',
  'pause',
  'resume',
  'update',
  'stats',
  'resizePty',
  'closeStdin',
  'adopt',
  'close',
] as const satisfies (keyof Runtime)[];

/**
 * Opens the runtime. The event loop watches all monitors; that does not keep the process alive, and `close` ends it.
 * Throws invalid-argument when a path is not absolute.
 */
export function openRuntime(options: RuntimeOptions): Runtime {
  for (const path of [options.root, options.tsrunc]) {
    if (!path.startsWith('/'))
      throw new ContainerError('invalid-argument', `open runtime: ${path}: not an absolute path`);
  }
  const { Runtime: NativeRuntime } = native();
  const opened = new NativeRuntime(options.root, options.tsrunc, options.onExit, options.onOom ?? (() => {}));
  const bound = verbs.map((verb) => [verb, translatedCall((opened[verb] as (...p: never[]) => unknown).bind(opened))]);
  return keepingSpareMonitor(Object.fromEntries(bound) as Runtime, () => opened.prepareMonitor());
}

/** After the answer to the verb that used it up: its start-up must not compete with the process just started. */
const spareDelayMs = 2;

/** A spare that could not be made is no failure: the next verb makes its own, or says why not. */
function keepingSpareMonitor(runtime: Runtime, prepareMonitor: () => Promise<void>): Runtime {
  let timer: NodeJS.Timeout | undefined;
  const prepareSoon = () => {
    timer ??= setTimeout(() => {
      timer = undefined;
      prepareMonitor().catch(() => undefined);
    }, spareDelayMs).unref();
  };
  const followed = <P extends unknown[], R>(verb: (...parameters: P) => Promise<R>) => {
    return (...parameters: P) => verb(...parameters).finally(prepareSoon);
  };
  prepareSoon();
  const close = () => {
    clearTimeout(timer);
    runtime.close();
  };
  return { ...runtime, start: followed(runtime.start), exec: followed(runtime.exec), close };
}
