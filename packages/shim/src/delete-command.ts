// `delete`: removes what is left of a container whose shim is gone, and returns the DeleteResponse to print.
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { errorMessageOf, isNotFound } from '@tscontainer/core/errors';
import { unmountBelow } from '@tscontainer/linux/mounts';
import type { ExitRecord, Runtime } from '@tscontainer/linux/runtime';
import { wireMessage } from '@tscontainer/platform/wire-codec';
import type { ShimArguments } from './arguments.ts';
import { readRuntimeChoice } from './bundle.ts';
import { openChosenRuntime } from './chosen-runtime.ts';
import type { ShimLog } from './shim-log.ts';
import { isAnswering } from './start-command.ts';
import { timestampFromNs, timestampNow } from './timestamp.ts';
import { tsruncPath } from './tsrunc-path.ts';

/** What containerd reports of a container that had to be killed. */
const killedStatus = 137;

const response = wireMessage<object>('containerd.task.v2.DeleteResponse');

export async function deleteLeftovers(args: ShimArguments, log: ShimLog): Promise<Buffer> {
  const choice = readRuntimeChoice(args.bundle, args.namespace);
  const { root } = choice;
  const runtime = openChosenRuntime(choice, { root, tsrunc: tsruncPath(), onExit: () => undefined });
  try {
    const init = await initOf(runtime, args.id);
    await deleteIfThere(runtime, args.id);
    await removeDeadSocket(args.bundle);
    for (const path of await unmountBelow(args.bundle)) log.info({ path }, 'unmounted');
    const { exit } = init;
    const exitedAt = exit === undefined ? timestampNow() : timestampFromNs(exit.exitedAtNs);
    return response.encode({ pid: init.pid, exitStatus: exit?.exitStatus ?? killedStatus, exitedAt });
  } finally {
    runtime.close();
  }

  async function deleteIfThere(opened: Runtime, id: string): Promise<void> {
    try {
      await opened.delete(id, { force: true });
    } catch (error) {
      if (!isNotFound(error)) throw error;
      log.debug({ id, err: errorMessageOf(error) }, 'nothing to delete');
    }
  }
}

/** A killed shim leaves its socket. One that answers may serve other containers of the group. */
async function removeDeadSocket(bundle: string): Promise<void> {
  const noted = join(bundle, 'address');
  if (!existsSync(noted)) return;
  const path = readFileSync(noted, 'utf8')
    .trim()
    .replace(/^unix:\/\//, '');
  if (path.startsWith('/') && !(await isAnswering(path))) rmSync(path, { force: true });
}

/** The init's pid, and its exit when it ended by itself. */
async function initOf(runtime: Runtime, id: string): Promise<{ pid: number; exit?: ExitRecord }> {
  try {
    return (await runtime.adopt(id)).find(({ execId }) => execId === '') ?? { pid: 0 };
  } catch (error) {
    if (isNotFound(error)) return { pid: 0 };
    throw error;
  }
}
