// Reads what the shim needs of a bundle: its grouping annotation, and the runtime root that its task was created with.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ContainerError, errorMessageOf } from '@tscontainer/core/errors';
import { runtimeRootOf } from './task-registry.ts';

const groupAnnotations = ['io.containerd.runc.v2.group', 'io.kubernetes.cri.sandbox-id'];
const rootFile = 'runtime-root';

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

/** The root for a new task; one that the client chose is noted in the bundle, for delete and adopt. */
export function chooseRuntimeRoot(bundle: string, namespace: string, given: string): string {
  const root = runtimeRootOf(bundle, namespace, given);
  if (given !== '') writeFileSync(join(bundle, rootFile), root, { mode: 0o600 });
  return root;
}

/** The root that the bundle's task was created with. */
export function readRuntimeRoot(bundle: string, namespace: string): string {
  try {
    return readFileSync(join(bundle, rootFile), 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return runtimeRootOf(bundle, namespace, '');
    throw error;
  }
}
