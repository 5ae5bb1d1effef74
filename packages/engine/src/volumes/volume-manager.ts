// Named and anonymous volumes: of the local driver a directory each, of others what their plugin keeps; a row each, and who uses them.
import { chownSync, existsSync, mkdirSync, renameSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { ContainerError, errorMessageOf, withContext } from '@tscontainer/core/errors';
import { randomHex } from '@tscontainer/core/ids';
import { listMountsBelow, mountAll, unmountAll } from '@tscontainer/linux/mounts';
import { copyTree, diskUsage } from '@tscontainer/linux/tree';
import type { Store } from '@tscontainer/platform/store';
import { NamedQueues } from '../containers/serial-queue.ts';
import type { EventHub } from '../events/event-hub.ts';
import { nowText } from '../go-time.ts';
import { checkVolumeOptions, mountOf, type VolumeOptions } from './local-options.ts';
import { type PluginVolume, VolumePlugin } from './volume-plugin.ts';

export interface Volume {
  name: string;
  createdAt: string;
  labels: Record<string, string> | null;
  isAnonymous: boolean;
  /** Of the local driver; null: a plain directory. */
  options?: VolumeOptions | null;
  /** Name of the plugin that keeps it; undefined: the local driver. */
  driver?: string;
  /** As its plugin says; undefined: local. */
  scope?: string;
}

/** On volumes without a name of their own, as docker has it since 23. */
const anonymousLabel = 'com.docker.volume.anonymous';

export const localDriver = 'local';

export function driverOf(volume: Pick<Volume, 'driver'>): string {
  return volume.driver ?? localDriver;
}

/** Of a volume that gets a name. */
function namedLabels({ labels }: Volume): Record<string, string> | null {
  if (labels === null || !(anonymousLabel in labels)) return labels;
  const kept = Object.entries(labels).filter(([label]) => label !== anonymousLabel);
  return kept.length === 0 ? null : Object.fromEntries(kept);
}

const namePattern = /^[a-zA-Z0-9][a-zA-Z0-9_.-]+$/;

export interface VolumeWishes {
  labels?: Record<string, string> | null;
  isAnonymous?: boolean;
  /** Host uid and gid of its root directory. */
  ownerId?: number | undefined;
  driverOptions?: VolumeOptions | null;
  driver?: string | undefined;
}

export class VolumeManager {
  readonly #directory: string;
  readonly #store: Store;
  readonly #events: EventHub;
  readonly #volumes = new Map<string, Volume>();
  /** Where plugins have their volumes, as far as they have said so. */
  readonly #pluginPaths = new Map<string, string>();
  /** Who has one though no container has it yet. */
  readonly #holders = new Map<string, Set<string>>();
  /** What is done to one volume is done in turn. */
  readonly #queues = new NamedQueues();
  /** Ids of the containers that have a volume mounted, running or not. Set by the engine. */
  containersOf: (name: string) => string[] = () => [];

  constructor(directory: string, store: Store, events: EventHub) {
    this.#directory = directory;
    this.#store = store;
    this.#events = events;
    mkdirSync(directory, { recursive: true, mode: 0o711 });
    for (const row of store.sql('SELECT record FROM volumes').all() as { record: string }[]) {
      const volume = JSON.parse(row.record) as Volume;
      this.#volumes.set(volume.name, volume);
    }
  }

  list(): Volume[] {
    return [...this.#volumes.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  /** The host directory that is mounted; '' for a plugin's that nobody has. */
  mountpoint(name: string): string {
    if (this.#volumes.get(name)?.driver !== undefined) return this.#pluginPaths.get(name) ?? '';
    return join(this.#directory, name, '_data');
  }

  /** Throws not-found. */
  get(name: string): Volume {
    const volume = this.#volumes.get(name);
    if (volume === undefined) throw new ContainerError('not-found', `get ${name}: no such volume`);
    return volume;
  }

  has(name: string): boolean {
    return this.#volumes.has(name);
  }

  /** Ids of the containers that have it, running or not, or that are being made with it. */
  usersOf(name: string): string[] {
    return [...new Set([...this.containersOf(name), ...(this.#holders.get(name) ?? [])])];
  }

  /** From now on `userId` has them, whether they are there yet or not, until the function is called that this returns. */
  hold(names: readonly string[], userId: string): () => void {
    for (const name of names) this.#holders.set(name, (this.#holders.get(name) ?? new Set()).add(userId));
    return () => {
      for (const name of names) {
        const holders = this.#holders.get(name);
        holders?.delete(userId);
        if (holders?.size === 0) this.#holders.delete(name);
      }
    };
  }

  /** Gives the one that is there, or makes it. */
  ensure(name: string, wishes: VolumeWishes = {}): Promise<Volume> {
    return this.#queues.run(name, () => this.#ensure(name, wishes));
  }

  async #ensure(name: string, options: VolumeWishes): Promise<Volume> {
    const known = this.#volumes.get(name);
    if (known !== undefined && options.driver && options.driver !== driverOf(known))
      throw new ContainerError(
        'already-exists',
        `create ${name}: a volume by the name of ${name} already exists with the ${driverOf(known)} driver. Choose a different volume name`,
      );
    if (known?.driver !== undefined) return known;
    if (known !== undefined) {
      mkdirSync(this.mountpoint(name), { recursive: true });
      return known;
    }
    if (name.length === 1)
      throw new ContainerError(
        'invalid-argument',
        `create ${name}: volume name is too short, names should be at least two alphanumeric characters`,
      );
    if (!namePattern.test(name)) {
      throw new ContainerError(
        'invalid-argument',
        `create ${name}: "${name}" includes invalid characters for a local volume name, only "[a-zA-Z0-9][a-zA-Z0-9_.-]" are allowed. If you intended to pass a host directory, use absolute path`,
      );
    }
    const volume: Volume = {
      name,
      createdAt: nowText(),
      labels: options.isAnonymous ? { ...options.labels, [anonymousLabel]: '' } : (options.labels ?? null),
      isAnonymous: options.isAnonymous ?? false,
      options: options.driverOptions ?? null,
    };
    if (options.driver && options.driver !== localDriver) return this.#makeOfPlugin(volume, options.driver);
    if (options.driverOptions) checkVolumeOptions(name, options.driverOptions);
    mkdirSync(this.mountpoint(name), { recursive: true, mode: 0o755 });
    if (options.ownerId !== undefined) chownSync(this.mountpoint(name), options.ownerId, options.ownerId);
    await this.#keep(volume);
    return volume;
  }

  async #keep(volume: Volume): Promise<void> {
    const { name } = volume;
    this.#volumes.set(name, volume);
    await this.#store.write(() => {
      this.#store.sql('INSERT OR REPLACE INTO volumes (name, record) VALUES (?, ?)').run(name, JSON.stringify(volume));
    });
    this.#events.publish('volume', 'create', name, { driver: driverOf(volume) });
  }

  async #makeOfPlugin(record: Volume, driver: string): Promise<Volume> {
    const { name, options } = record;
    const plugin = await VolumePlugin.connect(driver, 'for-answer').catch((error) => {
      throw withContext(`create ${name}`, error);
    });
    await plugin.create(name, options ?? {});
    const volume = { ...record, driver, scope: await plugin.scope() };
    await this.#keep(volume);
    return volume;
  }

  /** What its plugin says of it beyond the record: path and status. Nothing for the local driver. */
  async describe(volume: Volume): Promise<PluginVolume | undefined> {
    if (volume.driver === undefined) return undefined;
    const said = await (await VolumePlugin.connect(volume.driver)).get(volume.name);
    if (said.Mountpoint) this.#pluginPaths.set(volume.name, said.Mountpoint);
    return said;
  }

  /** Mounts one that has driver options, unless it is mounted already. Before a container starts with it: `userId`. */
  mount(name: string, userId: string): Promise<void> {
    return this.#queues.run(name, () => this.#mount(name, userId));
  }

  async #mount(name: string, userId: string): Promise<void> {
    const { driver, options } = this.get(name);
    if (driver !== undefined) {
      // a container that starts with the machine may be ahead of its plugin
      const plugin = await VolumePlugin.connect(driver, 'for-presence');
      this.#pluginPaths.set(name, await plugin.mount(name, userId));
      return;
    }
    const mount = mountOf(options ?? null);
    if (mount === undefined) return;
    const target = this.mountpoint(name);
    if ((await listMountsBelow(target)).includes(target)) return;
    try {
      await mountAll([mount], target);
    } catch (error) {
      throw new ContainerError('failed-precondition', `mount volume ${name}: ${errorMessageOf(error)}`, {
        cause: error,
      });
    }
  }

  /** After a container's run. A plugin counts its users itself; others are unmounted after the last one. */
  unmount(name: string, userId: string, isLast: () => boolean): Promise<void> {
    return this.#queues.run(name, () => this.#unmount(name, userId, isLast));
  }

  async #unmount(name: string, userId: string, isLast: () => boolean): Promise<void> {
    const driver = this.#volumes.get(name)?.driver;
    if (driver !== undefined) await (await VolumePlugin.connect(driver, 'for-answer')).unmount(name, userId);
    else if (isLast() && this.#volumes.has(name) && mountOf(this.get(name).options ?? null) !== undefined)
      await unmountAll(this.mountpoint(name));
  }

  /** Nobody may have it mounted: the caller looks after its users. Rejects already-exists, not-found. */
  async rename(name: string, target: string): Promise<Volume> {
    this.get(name);
    this.#checkFree(target);
    const [first, second] = name < target ? [name, target] : [target, name];
    return await this.#queues.run(first, () => this.#queues.run(second, () => this.#rename(name, target)));
  }

  async #rename(name: string, target: string): Promise<Volume> {
    const before = this.get(name);
    const volume = { ...before, labels: namedLabels(before), name: target, isAnonymous: false };
    this.#checkLocal('rename', volume);
    this.#checkFree(target);
    renameSync(join(this.#directory, name), join(this.#directory, target));
    try {
      await this.#store.write(() => {
        this.#store.sql('DELETE FROM volumes WHERE name = ?').run(name);
        this.#store.sql('INSERT INTO volumes (name, record) VALUES (?, ?)').run(target, JSON.stringify(volume));
      });
    } catch (error) {
      renameSync(join(this.#directory, target), join(this.#directory, name));
      throw error;
    }
    this.#volumes.delete(name);
    this.#volumes.set(target, volume);
    this.#events.publish('volume', 'rename', target, { driver: 'local', oldName: name });
    return volume;
  }

  /** A new volume with the same content: owners, modes, links, attributes. Rejects already-exists, not-found. */
  async clone(name: string, target: string, labels: Record<string, string>): Promise<Volume> {
    const source = this.get(name);
    this.#checkLocal('clone', source);
    this.#checkFree(target);
    if (mountOf(source.options ?? null) !== undefined)
      throw new ContainerError(
        'failed-precondition',
        `clone ${name}: a volume with driver options is not on this disk`,
      );
    const userId = `clone of ${name}`;
    const letGo = this.hold([name, target], userId);
    try {
      const volume = await this.ensure(target, { labels: { ...namedLabels(source), ...labels } });
      await copyTree(this.mountpoint(name), this.mountpoint(target));
      return volume;
    } catch (error) {
      await this.discard(target, userId);
      throw error;
    } finally {
      letGo();
    }
  }

  #checkLocal(verb: string, { name, driver }: Volume): void {
    if (driver !== undefined)
      throw new ContainerError('failed-precondition', `${verb} ${name}: its driver ${driver} has no such call`);
  }

  #checkFree(name: string): void {
    if (!namePattern.test(name)) throw new ContainerError('invalid-argument', `invalid volume name: ${name}`);
    if (this.#volumes.has(name)) throw new ContainerError('already-exists', `volume name ${name} is already in use`);
  }

  newName(): string {
    return randomHex(32);
  }

  /** Rejects not-found, or failed-precondition while a container has it. */
  remove(name: string, isForced: boolean): Promise<void> {
    return this.#queues.run(name, () => this.#remove(name, isForced));
  }

  /** Removes it by force, unless somebody else than `userId` has it. */
  discard(name: string, userId: string): Promise<void> {
    return this.#queues.run(name, async () => {
      if (this.usersOf(name).every((id) => id === userId)) await this.#remove(name, true, userId);
    });
  }

  async #remove(name: string, isForced: boolean, userId?: string): Promise<void> {
    if (isForced && !this.#volumes.has(name)) return;
    const { driver } = this.get(name);
    const users = this.usersOf(name).filter((id) => id !== userId);
    if (users.length > 0)
      throw new ContainerError('failed-precondition', `remove ${name}: volume is in use - [${users.join(', ')}]`);
    if (driver !== undefined) await this.#removeOfPlugin(name, driver, isForced);
    else await unmountAll(this.mountpoint(name)); // a failed start may have left it
    await this.#store.write(() => {
      this.#store.sql('DELETE FROM volumes WHERE name = ?').run(name);
    });
    this.#volumes.delete(name);
    this.#pluginPaths.delete(name);
    // the row goes first: a crash leaves a directory without a name, never a name without its directory
    if (driver === undefined) await rm(join(this.#directory, name), { recursive: true, force: true });
    this.#events.publish('volume', 'destroy', name, { driver: driver ?? localDriver });
  }

  /** By force it is forgotten also when its plugin is gone. */
  async #removeOfPlugin(name: string, driver: string, isForced: boolean): Promise<void> {
    try {
      await (await VolumePlugin.connect(driver, 'for-answer')).remove(name);
    } catch (error) {
      // it is the plugin that is not there, not the volume
      if (!isForced)
        throw new ContainerError('failed-precondition', `remove ${name}: ${errorMessageOf(error)}`, { cause: error });
    }
  }

  /** Bytes on disk; -1 when that is a plugin's matter. */
  async size(name: string): Promise<number> {
    if (this.#volumes.get(name)?.driver !== undefined) return -1;
    const path = this.mountpoint(name);
    return existsSync(path) ? (await diskUsage(path)).bytes : 0;
  }
}
