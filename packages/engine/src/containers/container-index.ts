// Finds containers by id, name or a prefix of an id, and reserves names. Shared by every route that takes a container.
import { ContainerError, isNotFound } from '@tscontainer/core/errors';

const namePattern = /^[a-zA-Z0-9][a-zA-Z0-9_.-]+$/;

interface Indexed {
  readonly id: string;
  readonly name: string;
}

export class ContainerIndex<T extends Indexed> {
  readonly #byId = new Map<string, T>();
  /** Name to id: also of containers that are being made. */
  readonly #names = new Map<string, string>();

  get size(): number {
    return this.#byId.size;
  }

  values(): T[] {
    return [...this.#byId.values()];
  }

  get(id: string): T | undefined {
    return this.#byId.get(id);
  }

  /** Takes the name for `id`; throws already-exists with its holder, or invalid-argument. */
  reserve(name: string, id: string): void {
    if (!namePattern.test(name)) {
      throw new ContainerError(
        'invalid-argument',
        `Invalid container name (${name}), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed`,
      );
    }
    const holder = this.#names.get(name);
    if (holder !== undefined && holder !== id) {
      throw new ContainerError(
        'already-exists',
        `Conflict. The container name "/${name}" is already in use by container "${holder}". You have to remove (or rename) that container to be able to reuse that name.`,
      );
    }
    this.#names.set(name, id);
  }

  isTaken(name: string): boolean {
    return this.#names.has(name);
  }

  release(name: string): void {
    this.#names.delete(name);
  }

  add(item: T): void {
    this.#byId.set(item.id, item);
    this.#names.set(item.name, item.id);
  }

  delete(item: T): void {
    this.#byId.delete(item.id);
    if (this.#names.get(item.name) === item.id) this.#names.delete(item.name);
  }

  /** As `find`, but undefined when there is none. */
  tryFind(reference: string): T | undefined {
    try {
      return this.find(reference);
    } catch (error) {
      if (isNotFound(error)) return undefined;
      throw error;
    }
  }

  /** A full id or an exact name beats a prefix. Throws not-found, or invalid-argument for an ambiguous prefix. */
  find(reference: string): T {
    const exact = this.#byId.get(reference) ?? this.#byId.get(this.#names.get(reference.replace(/^\//, '')) ?? '');
    if (exact !== undefined) return exact;
    const found = reference === '' ? [] : [...this.#byId.values()].filter((item) => item.id.startsWith(reference));
    if (found.length > 1)
      throw new ContainerError('invalid-argument', `multiple IDs found with provided prefix: ${reference}`);
    const [only] = found;
    if (only === undefined) throw new ContainerError('not-found', `No such container: ${reference}`);
    return only;
  }
}
