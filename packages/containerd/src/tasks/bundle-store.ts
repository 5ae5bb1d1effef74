// The bundles of running tasks: <state>/io.containerd.runtime.v2.task/NS/ID, in containerd's form, read again at a restart.
//
// Nothing here is synced: the state directory ends with the machine's uptime, as the tasks do.
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { ContainerError, errorMessageOf } from '@tscontainer/core/errors';
import { unmountBelow } from '@tscontainer/linux/mounts';
import { removeTree } from '@tscontainer/linux/tree';
import { diskError } from '../metadata/disk-error.ts';
import { ownRuntimeName } from './shim-command.ts';

export interface Bundle {
  namespace: string;
  id: string;
  /** Absolute. */
  path: string;
}

/** A bundle found at a restart. */
export interface FoundBundle extends Bundle {
  runtimeName: string;
  /** Of its shim; '' for our own, which are asked, and when the task was never created. */
  address: string;
}

/** Of foreign shims' bundles alone. Not `runtime`: containerd-shim-runc-v2 keeps its binary's name in that file. */
const runtimeNameFile = 'shim-runtime-name';

/** Written by our shim when it runs another OCI runtime: then rootfs/ is mounted on the host. */
const foreignBinaryFile = 'runtime-binary';

const directoryName = 'io.containerd.runtime.v2.task';

export class BundleStore {
  readonly #state: string;
  readonly #root: string;
  readonly #known = new Set<string>();

  constructor(state: string, root: string) {
    this.#state = join(state, directoryName);
    this.#root = join(root, directoryName);
  }

  /**
   * Writes config.json and rootfs/, no more: each file costs every container. Throws already-exists when it is there,
   * resource-exhausted; then nothing of it is left.
   */
  create(namespace: string, id: string, config: Uint8Array): Bundle {
    const path = join(this.#state, namespace, id);
    this.#makeParent(dirname(path));
    try {
      mkdirSync(path, { mode: 0o700 });
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code === 'EEXIST' ? 'already-exists' : 'internal';
      throw new ContainerError(code, `create bundle ${path}: ${errorMessageOf(error)}`, { cause: error });
    }
    try {
      mkdirSync(join(path, 'rootfs'), { mode: 0o711 });
      writeFileSync(join(path, 'config.json'), config, { mode: 0o600 });
    } catch (error) {
      rmSync(path, { recursive: true });
      throw diskError(`create bundle ${path}`, error);
    }
    return { namespace, id, path };
  }

  /** What a foreign shim expects besides: a durable directory, linked as `work`. And its name, for a restart of ours. */
  addForeignParts({ namespace, id, path }: Bundle, runtimeName: string): void {
    writeFileSync(join(path, runtimeNameFile), runtimeName, { mode: 0o600 });
    openToNamespace(path);
    const work = join(this.#root, namespace, id);
    mkdirSync(work, { recursive: true, mode: 0o711 });
    symlinkSync(work, join(path, 'work'));
  }

  writeAddress(bundle: Bundle, address: string): void {
    writeFileSync(join(bundle.path, 'address'), address, { mode: 0o600 });
  }

  /** The socket that a killed shim left. */
  removeSocket(bundle: Bundle): void {
    const path = textOf(join(bundle.path, 'address')).replace(/^unix:\/\//, '');
    if (path.startsWith('/')) rmSync(path, { force: true });
  }

  /** Whatever is still mounted below it goes first: a mount must never be deleted into. */
  async remove({ namespace, id, path }: Bundle, isForeign: boolean): Promise<void> {
    if (!isForeign && removeBare(path)) return;
    if (isForeign || existsSync(join(path, foreignBinaryFile))) await unmountBelow(path);
    if (isForeign) await removeTree(join(this.#root, namespace, id));
    await removeTree(path); // off the event loop: a slow disk must hold up nobody else
  }

  find(): FoundBundle[] {
    return namesIn(this.#state).flatMap((namespace) =>
      namesIn(join(this.#state, namespace)).map((id) => {
        const path = join(this.#state, namespace, id);
        return {
          namespace,
          id,
          path,
          runtimeName: textOf(join(path, runtimeNameFile)) || ownRuntimeName,
          address: textOf(join(path, 'address')),
        };
      }),
    );
  }

  #makeParent(path: string): void {
    if (this.#known.has(path)) return;
    mkdirSync(path, { recursive: true, mode: 0o711 });
    chmodSync(this.#state, 0o711);
    this.#known.add(path);
  }
}

/** What `create` made and nobody added to: three system calls, cheaper than handing them to a thread. */
function removeBare(path: string): boolean {
  try {
    rmdirSync(join(path, 'rootfs'));
    unlinkSync(join(path, 'config.json'));
    rmdirSync(path);
    return true;
  } catch {
    return false; // something is mounted there, or was written beside
  }
}

function namesIn(path: string): string[] {
  return existsSync(path) ? readdirSync(path) : [];
}

function textOf(path: string): string {
  return existsSync(path) ? readFileSync(path, 'utf8').trim() : '';
}

/** Its runtime comes to rootfs/ from inside the container's user namespace: the group that root is there may pass. */
function openToNamespace(path: string): void {
  const spec = JSON.parse(readFileSync(join(path, 'config.json'), 'utf8')) as {
    linux?: { gidMappings?: { containerID: number; hostID: number }[] };
  };
  const gid = spec.linux?.gidMappings?.find(({ containerID }) => containerID === 0)?.hostID ?? 0;
  if (gid === 0) return;
  chownSync(path, -1, gid);
  chmodSync(path, 0o710);
}
