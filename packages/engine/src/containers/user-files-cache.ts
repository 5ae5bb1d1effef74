// /etc/passwd and /etc/group of images, read once per root filesystem and kept, so that a create reads nothing.
import { type Mount, readFilesFromMounts, readFilesInRoot } from '@tscontainer/linux/mounts';
import type { UserFiles } from './user-lookup.ts';

const paths = ['/etc/passwd', '/etc/group'];
const maxFileBytes = 1024 * 1024;
/** Images whose files are kept. */
const maxImages = 64;

export class UserFilesCache {
  readonly #byChainId = new Map<string, UserFiles>();

  get(chainId: string): UserFiles | undefined {
    return this.#byChainId.get(chainId);
  }

  /** Reads them through the mounts of a snapshot that nobody has written to yet. */
  async read(chainId: string, mounts: Mount[]): Promise<UserFiles> {
    const files = toFiles(await readFilesFromMounts(mounts, paths, maxFileBytes));
    if (this.#byChainId.size >= maxImages) this.#byChainId.delete(this.#byChainId.keys().next().value as string);
    this.#byChainId.set(chainId, files);
    return files;
  }
}

/** As they are now in a running container, which may have added users. */
export async function readRunningUserFiles(pid: number): Promise<UserFiles> {
  return toFiles(await readFilesInRoot(`/proc/${pid}/root`, paths, maxFileBytes));
}

/** As a stopped container left them. */
export async function readSnapshotUserFiles(mounts: Mount[]): Promise<UserFiles> {
  return toFiles(await readFilesFromMounts(mounts, paths, maxFileBytes));
}

function toFiles([passwd = null, group = null]: (string | null)[]): UserFiles {
  return { passwd, group };
}
