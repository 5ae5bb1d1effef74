// The devices that CDI specifications describe (Container Device Interface): JSON and YAML files of the daemon's CDI directories.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { extname, join } from 'node:path';
import { ContainerError, errorMessageOf } from '@tscontainer/core/errors';
import type { ContainerEdits } from './cdi-edits.ts';

interface CdiFile {
  cdiVersion?: unknown;
  kind?: unknown;
  devices?: { name?: unknown; containerEdits?: ContainerEdits }[];
  containerEdits?: ContainerEdits;
}

interface CdiDevice {
  /** Of the device itself. */
  own: ContainerEdits;
  /** Of its file, once for all its devices. */
  shared: ContainerEdits;
  file: string;
}

const kindPattern = /^[A-Za-z]([A-Za-z0-9_.-]*[A-Za-z0-9])?\/[A-Za-z]([A-Za-z0-9_-]*[A-Za-z0-9])?$/;
const namePattern = /^[A-Za-z0-9]([A-Za-z0-9_.:-]*[A-Za-z0-9])?$/;

/** `vendor.com/class=name`. */
export function isQualifiedName(text: string): boolean {
  const at = text.indexOf('=');
  return at > 0 && kindPattern.test(text.slice(0, at)) && namePattern.test(text.slice(at + 1));
}

/** Read anew for each use: the files change when drivers are installed, and a start that needs them is rare. */
export class CdiRegistry {
  /** By qualified name, in the order of the files. */
  readonly #devices = new Map<string, CdiDevice>();
  /** Named twice in directories of one rank: nobody knows which is meant. */
  readonly #conflicts = new Map<string, string[]>();
  /** Files that could not be read, and why. */
  readonly problems: string[] = [];

  private constructor() {}

  /** A directory that comes later outranks those before it. */
  static async read(directories: string[]): Promise<CdiRegistry> {
    const registry = new CdiRegistry();
    for (const directory of directories) {
      if (!existsSync(directory)) continue;
      const own = new Map<string, CdiDevice>();
      const files = readdirSync(directory).filter((name) => ['.json', '.yaml', '.yml'].includes(extname(name)));
      for (const name of files.sort()) {
        try {
          registry.#add(own, join(directory, name), await parseFile(join(directory, name)));
        } catch (error) {
          registry.problems.push(`${join(directory, name)}: ${errorMessageOf(error)}`);
        }
      }
      for (const [name, device] of own) registry.#devices.set(name, device);
    }
    return registry;
  }

  /** Names of the devices of one kind, without the kind. */
  namesOf(kind: string): string[] {
    return [...this.#devices.keys()]
      .filter((name) => name.startsWith(`${kind}=`))
      .map((name) => name.slice(kind.length + 1));
  }

  /** Kinds whose class is that: `nvidia.com/gpu` for `gpu`. */
  kindsOf(className: string): string[] {
    const kinds = [...this.#devices.keys()].map((name) => name.slice(0, name.indexOf('=')));
    return [...new Set(kinds)].filter((kind) => kind.endsWith(`/${className}`));
  }

  /** What the devices ask for: each file's shared edits once, before those of its devices. Throws invalid-argument. */
  editsOf(names: string[]): ContainerEdits[] {
    const unresolved = names.filter((name) => !this.#devices.has(name));
    if (unresolved.length > 0)
      throw new ContainerError(
        'invalid-argument',
        `CDI device injection failed: unresolvable CDI devices ${unresolved.join(', ')}`,
        { details: { problems: this.problems } },
      );
    for (const name of names) {
      const files = this.#conflicts.get(name);
      if (files !== undefined)
        throw new ContainerError(
          'invalid-argument',
          `CDI device injection failed: ${name} is described twice: ${files.join(', ')}`,
        );
    }
    const edits: ContainerEdits[] = [];
    const seen = new Set<string>();
    for (const name of names) {
      const device = this.#devices.get(name) as CdiDevice;
      if (!seen.has(device.file)) edits.push(device.shared);
      seen.add(device.file);
      edits.push(device.own);
    }
    return edits;
  }

  #add(own: Map<string, CdiDevice>, file: string, content: CdiFile): void {
    for (const device of content.devices ?? []) {
      if (typeof device.name !== 'string' || !namePattern.test(device.name))
        throw new ContainerError('invalid-argument', `device name ${JSON.stringify(device.name)} is no name`);
      const name = `${content.kind}=${device.name}`;
      const other = own.get(name);
      if (other === undefined) this.#conflicts.delete(name);
      else this.#conflicts.set(name, [...(this.#conflicts.get(name) ?? [other.file]), file]);
      own.set(name, { own: device.containerEdits ?? {}, shared: content.containerEdits ?? {}, file });
    }
  }
}

async function parseFile(path: string): Promise<CdiFile> {
  const text = readFileSync(path, 'utf8');
  // loaded when there is such a file: few machines have one
  const content = (extname(path) === '.json' ? JSON.parse(text) : (await import('yaml')).parse(text)) as CdiFile | null;
  if (content === null || typeof content !== 'object')
    throw new ContainerError('invalid-argument', 'it is no CDI specification');
  if (typeof content.cdiVersion !== 'string' || !/^v?(0\.\d|1\.\d)(\.\d+)?$/.test(content.cdiVersion))
    throw new ContainerError('invalid-argument', `cdiVersion ${JSON.stringify(content.cdiVersion)} is not known`);
  if (typeof content.kind !== 'string' || !kindPattern.test(content.kind))
    throw new ContainerError('invalid-argument', `kind ${JSON.stringify(content.kind)} is none`);
  return content;
}
