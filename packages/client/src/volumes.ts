// The volumes of an engine.
import type { Abortable } from './container-life.ts';
import type { Volume, VolumeCreateBody, VolumesPruned } from './contracts/engine-api.ts';
import type { EngineCalls, QueryOf } from './engine-calls.ts';

export class Volumes {
  readonly #calls: EngineCalls;

  constructor(calls: EngineCalls) {
    this.#calls = calls;
  }

  async list({ signal, ...query }: QueryOf<'VolumeList'> & Abortable = {}): Promise<Volume[]> {
    return (await this.#calls.json('VolumeList', { query, signal })).Volumes ?? [];
  }

  inspect(name: string, { signal }: Abortable = {}): Promise<Volume> {
    return this.#calls.json('VolumeInspect', { of: name, signal });
  }

  create(body: VolumeCreateBody = {}, { signal }: Abortable = {}): Promise<Volume> {
    return this.#calls.json('VolumeCreate', { body, signal });
  }

  async remove(name: string, { signal, ...query }: QueryOf<'VolumeDelete'> & Abortable = {}): Promise<void> {
    await this.#calls.status('VolumeDelete', { of: name, query, signal });
  }

  prune({ signal, ...query }: QueryOf<'VolumePrune'> & Abortable = {}): Promise<VolumesPruned> {
    return this.#calls.json('VolumePrune', { query, signal });
  }

  /** Of this project's engine alone. */
  rename(name: string, newName: string, { signal }: Abortable = {}): Promise<Volume> {
    return this.#calls.json('VolumeRename', { of: name, query: { name: newName }, signal });
  }

  /** Of this project's engine alone. */
  clone(name: string, { signal, ...query }: QueryOf<'VolumeClone'> & Abortable = {}): Promise<Volume> {
    return this.#calls.json('VolumeClone', { of: name, query, signal });
  }
}
