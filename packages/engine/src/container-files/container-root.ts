// A container's filesystem as a directory of the host: the running one's own view, or a stopped one's snapshot with its volumes.
import {
  closeSync,
  constants,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  rmdirSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import type { IdRange } from '@tscontainer/linux/archive';
import { type Mount, mountAll, unmountBelow } from '@tscontainer/linux/mounts';
import type { Container } from '../containers/container.ts';
import { containerMounts } from '../containers/container-making.ts';
import type { MountPoint } from '../containers/container-record.ts';
import type { EngineContext } from '../containers/engine-context.ts';
import { resolveInRoot } from '../containers/root-path.ts';

export interface ContainerRoot {
  /** Directory, valid until `release`. */
  path: string;
  release(): Promise<void>;
}

export function idsOf(container: Container): IdRange | undefined {
  const { idMapping } = container.settings;
  return idMapping === undefined ? undefined : { first: idMapping.hostID, count: idMapping.size };
}

/** An overlay without its upper directory: that serves as the topmost lower one, so that it may be in use elsewhere. */
function readOnlyMounts(mounts: Mount[]): Mount[] {
  return mounts.map((mount) => {
    if (mount.type !== 'overlay')
      return { ...mount, options: [...mount.options.filter((word) => word !== 'rw'), 'ro'] };
    const optionOf = (key: string) => mount.options.find((option) => option.startsWith(key))?.slice(key.length);
    const upper = optionOf('upperdir=');
    const others = mount.options.filter((option) => !/^(upperdir|workdir|lowerdir)=/.test(option));
    return { ...mount, options: [...others, `lowerdir=${[upper, optionOf('lowerdir=')].filter(Boolean).join(':')}`] };
  });
}

/**
 * With volumes and binds. `isWritten` takes the real overlay of a container that does not run: to be called in its
 * queue, so that no start meets it.
 */
export async function openContainerRoot(
  context: EngineContext,
  container: Container,
  isWritten: boolean,
): Promise<ContainerRoot> {
  if (container.isRunning && container.state.pid > 0) return openRunningRoot(container.state.pid);
  const mounts = await containerMounts(context, container);
  const points = container.settings.mountPoints.filter((point) => point.type !== 'tmpfs');
  const scratch = await mountScratch(context, mounts, true);
  let isReady = false;
  try {
    for (const point of points) await makeMountPoint(scratch.path, point);
    if (isWritten) {
      await mountPoints(scratch.path, points);
      isReady = true;
      return scratch;
    }
  } finally {
    if (!isReady) await scratch.release();
  }
  const view = await mountScratch(context, readOnlyMounts(mounts), false);
  try {
    await mountPoints(view.path, points);
    return view;
  } catch (error) {
    await view.release();
    throw error;
  }
}

/** Without volumes: what an export or a comparison sees. */
export async function openOwnRoot(context: EngineContext, container: Container): Promise<ContainerRoot> {
  return mountScratch(context, readOnlyMounts(await containerMounts(context, container)), false);
}

/** The descriptor stays with this very filesystem, whatever becomes of the pid. */
function openRunningRoot(pid: number): ContainerRoot {
  const O_PATH = 0x200000;
  const fd = openSync(`/proc/${pid}/root`, O_PATH | constants.O_DIRECTORY);
  return { path: `/proc/self/fd/${fd}`, release: async () => closeSync(fd) };
}

export async function mountScratch(
  context: EngineContext,
  mounts: Mount[],
  isWritten: boolean,
): Promise<ContainerRoot> {
  mkdirSync(context.paths.temporary, { recursive: true, mode: 0o700 });
  const path = mkdtempSync(join(context.paths.temporary, isWritten ? 'root-' : 'view-'));
  try {
    await mountAll(mounts, path);
  } catch (error) {
    rmdirSync(path);
    throw error;
  }
  return {
    path,
    release: async () => {
      await unmountBelow(path);
      rmdirSync(path);
    },
  };
}

/** As the runtime would at the first start. */
async function makeMountPoint(root: string, point: MountPoint): Promise<void> {
  const target = resolveInRoot(root, point.destination);
  if (existsSync(target) || !existsSync(point.source)) return;
  if (lstatSync(point.source).isDirectory()) mkdirSync(target, { recursive: true, mode: 0o755 });
  else {
    mkdirSync(dirname(target), { recursive: true, mode: 0o755 });
    writeFileSync(target, '');
  }
}

async function mountPoints(root: string, points: MountPoint[]): Promise<void> {
  for (const point of [...points].sort((a, b) => a.destination.length - b.destination.length)) {
    const source = point.subpath === undefined ? point.source : resolveInRoot(point.source, point.subpath);
    if (!existsSync(source)) continue;
    const options = [point.isRecursive ? 'rbind' : 'bind', 'rprivate', ...(point.isWritable ? [] : ['ro'])];
    await mountAll([{ type: 'bind', source, options }], resolveInRoot(root, point.destination));
  }
}
