// The cgroup that holds the containers' own: removed when the engine ends and nothing is left in it. engine.ts calls it.
import { existsSync, readFileSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';

/** Mount points of every cgroup hierarchy. */
export function hierarchies(): string[] {
  return readFileSync('/proc/self/mounts', 'utf8')
    .split('\n')
    .map((line) => line.split(' '))
    .filter(([, , type]) => type === 'cgroup' || type === 'cgroup2')
    .map(([, path = '']) => path);
}

/** What the runtime makes on demand and takes away with the last container; one that others made stays theirs. */
export class ParentCgroup {
  readonly #paths: string[];

  /** `isOurs`: the name is the engine's own, so whoever made it was an engine. */
  constructor(parent: string, isOurs: boolean) {
    const all = hierarchies().map((root) => join(root, parent));
    this.#paths = isOurs ? all : all.filter((path) => !existsSync(path));
  }

  /** Returns those that are gone now; one with groups in it stays, for containers that go on or for another engine. */
  removeEmpty(): string[] {
    return this.#paths.filter((path) => {
      try {
        rmdirSync(path);
        return true;
      } catch (error) {
        const { code = '' } = error as NodeJS.ErrnoException;
        if (['ENOENT', 'EBUSY', 'ENOTEMPTY'].includes(code)) return false;
        throw error;
      }
    });
  }
}
