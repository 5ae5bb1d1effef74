// Where the engine keeps what: the only file that knows the layout of the data root and the exec root.
import { join } from 'node:path';

export class EnginePaths {
  readonly dataRoot: string;
  readonly execRoot: string;

  constructor(dataRoot: string, execRoot: string) {
    this.dataRoot = dataRoot;
    this.execRoot = execRoot;
  }

  get database(): string {
    return join(this.dataRoot, 'engine.db');
  }

  get volumes(): string {
    return join(this.dataRoot, 'volumes');
  }

  /** Scripts for runtimes with arguments. */
  get runtimes(): string {
    return join(this.dataRoot, 'runtimes');
  }

  /** The lowest layer of every container; out of reach for other users, as every layer is. */
  get runtimePlaces(): string {
    return join(this.dataRoot, 'runtime-places', 'fs');
  }

  /** Scratch directories, emptied at start. */
  get temporary(): string {
    return join(this.dataRoot, 'tmp');
  }

  get containers(): string {
    return join(this.dataRoot, 'containers');
  }

  /** Generated files and the log of one container. */
  containerData(id: string): string {
    return join(this.containers, id);
  }

  logFile(id: string): string {
    return join(this.containerData(id), `${id}-json.log`);
  }

  /** Mount point of a /dev/shm that other containers may join. */
  sharedShm(id: string): string {
    return join(this.containerData(id), 'shm');
  }

  get runs(): string {
    return join(this.execRoot, 'containers');
  }

  /** FIFOs and spools of one container's run: on a tmpfs. */
  containerRun(id: string): string {
    return join(this.runs, id);
  }

  get allHeldMounts(): string {
    return join(this.execRoot, 'mounts');
  }

  /** Mount points that the engine holds for a container's run. Never to be removed as a tree. */
  heldMounts(id: string): string {
    return join(this.allHeldMounts, id);
  }

  get namespaces(): string {
    return join(this.execRoot, 'netns');
  }

  /** Leads to the network namespace of a container's present run. */
  networkNamespace(id: string): string {
    return join(this.namespaces, id.slice(0, 12));
  }

  execRun(id: string, execId: string): string {
    return join(this.containerRun(id), `exec-${execId.slice(0, 16)}`);
  }
}
