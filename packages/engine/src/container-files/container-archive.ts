// The archive calls of a container: what is at a path, a tar of it, and a tar into it. archive-routes.ts is the caller.
import type { Readable } from 'node:stream';
import { ContainerError } from '@tscontainer/core/errors';
import { lookUpInRoot } from '@tscontainer/linux/mounts';
import type { Container } from '../containers/container.ts';
import type { EngineContext } from '../containers/engine-context.ts';
import { type ContainerRoot, idsOf, openContainerRoot, openOwnRoot } from './container-root.ts';
import { isDirectory, locateInRoot, type RootLocation, resolveInRoot } from './root-location.ts';
import { extractStream, packedStream } from './tree-streams.ts';

function noSuchFile(container: Container, path: string): ContainerError {
  return new ContainerError('not-found', `Could not find the file ${path} in container ${container.name}`);
}

async function locate(root: ContainerRoot, container: Container, path: string): Promise<RootLocation> {
  const location = await locateInRoot(root.path, path);
  if (location === undefined) throw noSuchFile(container, path);
  return location;
}

/** A stopped container's filesystem is looked at in its queue: making mount points must not meet a start. */
function open(context: EngineContext, container: Container): Promise<ContainerRoot> {
  return container.queue.run(() => openContainerRoot(context, container, false));
}

export async function statPath(context: EngineContext, container: Container, path: string): Promise<RootLocation> {
  const root = await open(context, container);
  try {
    return await locate(root, container, path);
  } finally {
    await root.release();
  }
}

/** Rejects not-found before anything is sent. The stream is to be read to its end or destroyed. */
export async function packPath(
  context: EngineContext,
  container: Container,
  path: string,
): Promise<{ location: RootLocation; tar: Readable }> {
  const root = await open(context, container);
  try {
    const location = await locate(root, container, path);
    const request = { root: root.path, path: location.path, name: location.name, ids: idsOf(container) };
    const tar = packedStream(context.paths.temporary, request, () => root.release(), context.log);
    return { location, tar };
  } catch (error) {
    await root.release();
    throw error;
  }
}

/** All of the root filesystem, volumes left out. */
export async function packContainer(context: EngineContext, container: Container): Promise<Readable> {
  const root = await openOwnRoot(context, container);
  const request = { root: root.path, path: '', name: '', ids: idsOf(container) };
  return packedStream(context.paths.temporary, request, () => root.release(), context.log);
}

export interface ExtractOptions {
  keepsTypes: boolean;
  /** All belongs to the container's user, where it has one. */
  takesContainerUser: boolean;
}

/** Rejects not-found, permission-denied for a read-only place, invalid-argument for what is no directory or no tar. */
export async function extractInto(
  context: EngineContext,
  container: Container,
  path: string,
  source: Readable,
  options: ExtractOptions,
): Promise<void> {
  const work = async () => {
    const root = await openContainerRoot(context, container, true);
    try {
      const target = await resolveInRoot(root.path, path);
      const place = await lookUpInRoot(root.path, target);
      if (place === null) throw noSuchFile(container, path);
      if (!isDirectory(place)) throw new ContainerError('invalid-argument', 'extraction point is not a directory');
      checkWritable(container, `/${target}`);
      await extractStream(context.paths.temporary, source, {
        root: root.path,
        path: target,
        keepsTypes: options.keepsTypes,
        owner: options.takesContainerUser ? ownerOf(container) : undefined,
        ids: idsOf(container),
      });
    } finally {
      await root.release();
    }
  };
  // a running container's filesystem is its own; a stopped one must not be started meanwhile
  if (container.isRunning) await work();
  else await container.queue.run(work);
}

function ownerOf(container: Container): { uid: number; gid: number } | undefined {
  if (container.settings.config.User === '' || container.user === undefined) return undefined;
  return { uid: container.user.uid, gid: container.user.gid };
}

function checkWritable(container: Container, path: string): void {
  const { hostConfig, mountPoints } = container.settings;
  const holds = (destination: string) => path === destination || path.startsWith(`${destination}/`);
  const [mount] = mountPoints
    .filter((point) => holds(point.destination))
    .sort((a, b) => b.destination.length - a.destination.length);
  if (mount !== undefined && !mount.isWritable)
    throw new ContainerError('permission-denied', 'mounted volume is marked read-only');
  const isTmpfs = Object.keys(hostConfig.Tmpfs ?? {}).some(holds);
  if (mount === undefined && !isTmpfs && hostConfig.ReadonlyRootfs)
    throw new ContainerError('permission-denied', 'container rootfs is marked read-only');
}
