// What a build context holds, known from its tar's headers: sources are found and the cache is asked with nothing unpacked.
import { ContainerError } from '@tscontainer/core/errors';
import type { TreeEntry } from './copy-origin.ts';

type Kind = 'file' | 'directory' | 'link';

interface IndexEntry {
  kind: Kind;
  /** Of a link. */
  target: string;
  /** Of a directory. */
  children: Set<string>;
}

const maxLinks = 255;
const newEntry = (kind: Kind, target = ''): IndexEntry => ({ kind, target, children: new Set() });

export class ContextIndex {
  readonly #entries = new Map<string, IndexEntry>([['', newEntry('directory')]]);
  /** False: entries replace others, go through links or climb. Only what unpacking makes of them counts then. */
  isPlain = true;

  /** An entry of the tar, in its order; `linkName` of symbolic and hard links. */
  add(name: string, type: string, linkName: string): void {
    const parts = name.split('/').filter((part) => part !== '' && part !== '.');
    if (parts.includes('..')) this.isPlain = false;
    const path = parts.join('/');
    if (type === 'link' && this.#entries.get(cleanParts(linkName))?.kind !== 'file') this.isPlain = false;
    const kind = type === 'directory' ? 'directory' : type === 'symlink' ? 'link' : 'file';
    const known = this.#entries.get(path);
    if (known !== undefined) {
      if (known.kind !== 'directory' || kind !== 'directory') this.isPlain = false;
      return;
    }
    this.#makeParents(parts);
    this.#entries.set(path, newEntry(kind, kind === 'link' ? linkName : ''));
  }

  #makeParents(parts: readonly string[]): void {
    for (let depth = 0; depth < parts.length; depth++) {
      const path = parts.slice(0, depth).join('/');
      const entry = this.#entries.get(path) ?? newEntry('directory');
      if (entry.kind !== 'directory') this.isPlain = false;
      entry.children.add(parts[depth] as string);
      this.#entries.set(path, entry);
    }
  }

  remove(path: string): void {
    const slash = path.lastIndexOf('/');
    this.#entries.get(slash < 0 ? '' : path.slice(0, slash))?.children.delete(path.slice(slash + 1));
    this.#entries.delete(path);
  }

  kindOf(path: string): Kind | undefined {
    return this.#entries.get(path)?.kind;
  }

  /** With all links followed, as if the context were the root directory; what is not there is taken as it is. */
  resolve(path: string): string {
    const rest = path.split('/');
    let resolved = '';
    let links = 0;
    for (let part = rest.shift(); part !== undefined; part = rest.shift()) {
      if (part === '' || part === '.') continue;
      if (part === '..') {
        resolved = resolved.slice(0, Math.max(0, resolved.lastIndexOf('/')));
        continue;
      }
      const next = resolved === '' ? part : `${resolved}/${part}`;
      const entry = this.#entries.get(next);
      if (entry?.kind !== 'link') {
        resolved = next;
        continue;
      }
      if (++links > maxLinks) throw new ContainerError('invalid-argument', `resolve ${path}: too many links`);
      rest.unshift(...entry.target.split('/'));
      if (entry.target.startsWith('/')) resolved = '';
    }
    return resolved;
  }

  /** In order of names, a directory before what is in it; links are not followed. */
  *walk(path: string): Generator<TreeEntry> {
    for (const name of [...(this.#entries.get(path)?.children ?? [])].sort()) {
      const relative = path === '' ? name : `${path}/${name}`;
      const kind = this.kindOf(relative);
      if (kind === undefined) continue;
      yield { relative, isLink: kind === 'link' };
      if (kind === 'directory') yield* this.walk(relative);
    }
  }
}

function cleanParts(path: string): string {
  return path
    .split('/')
    .filter((part) => part !== '' && part !== '.')
    .join('/');
}
