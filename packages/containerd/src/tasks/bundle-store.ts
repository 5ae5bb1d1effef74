// The bundles of running tasks: <state>/io.containerd.runtime.v2.task/NS/ID, in containerd's form, read again at a restart.
//
// Nothing here is synced: the state directory ends with the machine's uptime, as the tasks do.
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { ContainerError, errorMessageOf } from '@tscontainer/core/errors';
import { unmountBelow } from '@tscontainer/linux/mounts';

export interface Bundle {
  namespace: string;
  id: string;
  /** Absolute. */
  path: string;
}

/** A bundle found at a restart; address '' when its task was never created. */
export interface FoundBundle extends Bundle {
  runtimeName: string;
  address: string;
}

const directoryName = 'io.containerd.runtime.v2.task';

export class BundleStore {
  readonly #state: string;
  readonly #root: string;
  readonly #known = new Set<string>();

  constructor(state: string, root: string) {
    this.#state = join(state, directoryName);
    this.#root = join(root, directoryName);
  }

  /** Writes config.json, rootfs/ and the runtime's name. Throws already-exists when the bundle is there. */
  create(namespace: string, id: string, config: Uint8Array, runtimeName: string): Bundle {
    const path = join(this.#state, namespace, id);
    this.#makeParent(dirname(path));
    try {
      mkdirSync(path, { mode: 0o700 });
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code === 'EEXIST' ? 'already-exists' : 'internal';
      throw new ContainerError(code, `create bundle ${path}: ${errorMessageOf(error)}`, { cause: error });
    }
    mkdirSync(join(path, 'rootfs'), { mode: 0o711 });
    writeFileSync(join(path, 'config.json'), config, { mode: 0o600 });
    writeFileSync(join(path, 'runtime'), runtimeName, { mode: 0o600 });
    return { namespace, id, path };
  }

  /** A durable directory of the task and the link `work` to it: what foreign shims expect. */
  addWorkDirectory({ namespace, id, path }: Bundle): void {
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
    if (isForeign) {
      await unmountBelow(path);
      rmSync(join(this.#root, namespace, id), { recursive: true, force: true });
    }
    rmSync(path, { recursive: true, force: true });
  }

  find(): FoundBundle[] {
    return namesIn(this.#state).flatMap((namespace) =>
      namesIn(join(this.#state, namespace)).map((id) => {
        const path = join(this.#state, namespace, id);
        return {
          namespace,
          id,
          path,
          runtimeName: textOf(join(path, 'runtime')),
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

function namesIn(path: string): string[] {
  return existsSync(path) ? readdirSync(path) : [];
}

function textOf(path: string): string {
  return existsSync(path) ? readFileSync(path, 'utf8').trim() : '';
}
