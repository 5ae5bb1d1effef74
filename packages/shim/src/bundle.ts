// Reads what the shim needs of a bundle: its grouping annotation, and the runtime that its task was created with.
import { readFileSync, writeFileSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { ContainerError, errorMessageOf } from '@tscontainer/core/errors';
import type { ShimRuntimeOptions } from './runtime-options.ts';

const groupAnnotations = ['io.containerd.runc.v2.group', 'io.kubernetes.cri.sandbox-id'];
const rootFile = 'runtime-root';
/** Its presence says that rootfs/ is mounted on the host, which our own runtime never does. */
const binaryFile = 'runtime-binary';

/** Containers of one group share a shim; undefined when the bundle names no group. Throws when config.json is not JSON. */
export function groupOf(bundle: string): string | undefined {
  const path = join(bundle, 'config.json');
  try {
    const { annotations } = JSON.parse(readFileSync(path, 'utf8')) as { annotations?: Record<string, string> };
    return groupAnnotations.map((name) => annotations?.[name]).find((group) => group !== undefined && group !== '');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined; // a warm shim is started without a bundle
    throw new ContainerError('invalid-argument', `read bundle ${path}: ${errorMessageOf(error)}`, { cause: error });
  }
}

/** Which runtime serves a task, and where it keeps its state. */
export interface RuntimeChoice {
  root: string;
  /** '' is our own. */
  binary: string;
  isSystemdCgroup: boolean;
}

/** For a new task; what the client chose is noted in the bundle, for delete and adopt. */
export function chooseRuntime(bundle: string, namespace: string, given: ShimRuntimeOptions): RuntimeChoice {
  const { binaryName: binary, systemdCgroup: isSystemdCgroup } = given;
  const root = runtimeRootOf(bundle, namespace, given.root, binary);
  const choice = { root, binary, isSystemdCgroup };
  if (binary !== '') writeFileSync(join(bundle, binaryFile), JSON.stringify(choice), { mode: 0o600 });
  else if (given.root !== '') writeFileSync(join(bundle, rootFile), root, { mode: 0o600 });
  return choice;
}

/** That of the bundle's task. */
export function readRuntimeChoice(bundle: string, namespace: string): RuntimeChoice {
  const foreign = textOf(join(bundle, binaryFile));
  if (foreign !== undefined) return JSON.parse(foreign) as RuntimeChoice;
  const root = textOf(join(bundle, rootFile)) ?? runtimeRootOf(bundle, namespace, '', '');
  return { root, binary: '', isSystemdCgroup: false };
}

/**
 * Where the runtime keeps its state: below the root that the client gave (containerd.runc.v1.Options.root), else beside
 * the daemon's bundles: <state>/io.containerd.runtime.v2.task/NS/ID gives <state>/tsrunc/NS, or <state>/runc/NS.
 */
function runtimeRootOf(bundle: string, namespace: string, given: string, binary: string): string {
  const program = binary === '' ? 'tsrunc' : basename(binary);
  return given === '' ? join(resolve(bundle, '../../..'), program, namespace) : join(given, namespace);
}

function textOf(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
