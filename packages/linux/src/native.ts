// Loads the addon (runtime.node) once and gives every facility file its functions, with their errors translated.
//
// Only files of this package import it: the other files are the subpaths that the rest of the project may use.
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import type {
  AppliedLayer,
  ApplyLayerRequest,
  ExtractTreeRequest,
  PackTreeRequest,
  TakeAfterParentsRequest,
  WriteImageRequest,
  WriteTreeRequest,
  WrittenArchive,
} from './archive.ts';
import { toContainerError } from './errors.ts';
import type { Mount, RootPlace } from './mounts.ts';
import type { NetlinkReply } from './netlink.ts';
import type { PeerCredentials } from './process.ts';
import type { NativeRuntimeConstructor } from './runtime-manager.ts';
import type { DiskUsage, NewDirectory } from './tree.ts';
import type { UnshareOptions } from './unshare.ts';

interface NativeIds {
  firstId: number;
  idCount: number;
}

/** What runtime.node exports: functions throw or reject with an Error that carries the fields of AddonErrorFields. */
export interface NativeAddon {
  applyLayer(request: ApplyLayerRequest): Promise<AppliedLayer>;
  writeImage(request: WriteImageRequest): Promise<void>;
  takeAfterParents(request: TakeAfterParentsRequest): Promise<void>;
  writeTree(request: Omit<WriteTreeRequest, 'ids'> & NativeIds): Promise<WrittenArchive>;
  packTree(request: Omit<PackTreeRequest, 'ids'> & NativeIds): Promise<void>;
  extractTree(
    request: Omit<ExtractTreeRequest, 'ids' | 'owner'> & NativeIds & { hasOwner: boolean; uid: number; gid: number },
  ): Promise<void>;
  makeFifo(path: string, mode: number): void;
  setPipeSize(fd: number, bytes: number): number;
  spliceToFile(pipeFd: number, fileFd: number, length: number): number;
  mountAll(mounts: Mount[], target: string): Promise<void>;
  mountIdMapped(source: string, target: string, uids: string, gids: string): Promise<void>;
  canMapIds(directory: string): boolean;
  unmountAll(target: string): Promise<void>;
  unmountBelow(path: string): Promise<string[]>;
  listMountsBelow(path: string): Promise<string[]>;
  readFilesFromMounts(mounts: Mount[], paths: string[], maxBytes: number): Promise<(string | null)[]>;
  readFilesInRoot(root: string, paths: string[], maxBytes: number): Promise<(string | null)[]>;
  lookUpInRoot(root: string, path: string): Promise<RootPlace | null>;
  bindBeneath(root: string, path: string, target: string): Promise<void>;
  connectUnixDatagram(path: string): number;
  diskUsage(path: string): Promise<DiskUsage>;
  removeTree(path: string): Promise<void>;
  removeTrees(paths: string[]): Promise<string[]>;
  makeDirectories(request: { directories: NewDirectory[] }): Promise<void>;
  copyTree(source: string, target: string): Promise<void>;
  syncFileSystem(path: string): Promise<void>;
  setSubreaper(): void;
  trimMalloc(): void;
  peerCredentials(fd: number): PeerCredentials;
  execUnshare(options: UnshareOptions, tsrunc: string): never;
  openNetlink(protocol: number, namespaceFd: number): Promise<number>;
  exchangeNetlink(fd: number, request: Uint8Array): Promise<NetlinkReply>;
  createNetworkNamespace(sysctls: Record<string, string>): Promise<number>;
  writeNetworkSysctls(namespaceFd: number, sysctls: Record<string, string>): Promise<void>;
  openSocketIn(namespaceFd: number, family: number, type: number): Promise<number>;
  openBoundSocket(
    namespaceFd: number,
    wanted: { family: number; type: number; protocol: number; address: string; port: number; listens: boolean },
  ): Promise<number>;
  localPort(fd: number): number;
  Runtime: NativeRuntimeConstructor;
}

let loaded: NativeAddon | undefined;

/** The addon, loaded at first use: a command that needs no system call of ours pays nothing. */
export function native(): NativeAddon {
  loaded ??= translated(createRequire(import.meta.url)(addonPath()) as NativeAddon);
  return loaded;
}

/** TSCONTAINER_ADDON, else beside the bundle, else the built one of the checkout when run from source. */
function addonPath(): string {
  const override = process.env.TSCONTAINER_ADDON;
  if (override) return override;
  const fromSource = import.meta.url.endsWith('/packages/linux/src/native.ts');
  return fileURLToPath(new URL(fromSource ? '../../../dist/lib/runtime.node' : './runtime.node', import.meta.url));
}

/** Wraps each exported function so that what it throws or rejects with is a ContainerError. */
function translated(addon: NativeAddon): NativeAddon {
  const entries = Object.entries(addon).map(([name, value]) => [
    name,
    name === 'Runtime' ? value : translatedCall(value),
  ]);
  return Object.fromEntries(entries) as NativeAddon;
}

type Call = (...parameters: never[]) => unknown;

/** One function of the addon with its errors translated. */
export function translatedCall<T extends Call>(call: T): T {
  const wrapper = (...parameters: never[]): unknown => {
    try {
      const result = call(...parameters);
      return result instanceof Promise ? result.catch(rethrow) : result;
    } catch (error) {
      throw toContainerError(error);
    }
  };
  return wrapper as T;
}

function rethrow(error: unknown): never {
  throw toContainerError(error);
}
