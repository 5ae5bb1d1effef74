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
) => Runtime;

const verbs = [
  'create',
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
 * Opens the runtime. One native thread watches all monitors; it does not keep the process alive, and `close` ends it.
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
  return Object.fromEntries(bound) as Runtime;
}
