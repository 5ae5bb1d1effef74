// Which runtime a container's HostConfig.Runtime means: the lifecycle daemon's name for it, and the options that go with it.
// The engine makes the table at its start; the creator of containers and `info` read it.
import { createHash } from 'node:crypto';
import { accessSync, constants, existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { delimiter, isAbsolute, join } from 'node:path';
import { ContainerError } from '@tscontainer/core/errors';
import { type RuntimeDefinition, stockRuntimes } from './runtime-definitions.ts';
import { type EncodedOptions, encodeShimOptions } from './shim-options.ts';

export interface ChosenRuntime {
  /** As containerd knows it. */
  name: string;
  /** Undefined: the shim's own. */
  options: EncodedOptions | undefined;
}

export interface RuntimeTableParts {
  definitions: ReadonlyMap<string, RuntimeDefinition>;
  /** Of containers that name none. */
  defaultName: string;
  /** The shim that drives programs named by their path. */
  pathShim: string;
  /** Where scripts for programs with arguments are put. */
  directory: string;
}

export class RuntimeTable {
  readonly defaultName: string;
  readonly #definitions: ReadonlyMap<string, RuntimeDefinition>;
  readonly #pathShim: string;
  readonly #directory: string;

  /** Throws invalid-argument for a default that is not there, and for options that a shim does not take. */
  constructor({ definitions, defaultName, pathShim, directory }: RuntimeTableParts) {
    this.defaultName = defaultName;
    this.#definitions = definitions;
    this.#pathShim = pathShim;
    this.#directory = directory;
    if (!definitions.has(defaultName) && !isShimName(defaultName) && !stockRuntimes.has(defaultName))
      throw new ContainerError('invalid-argument', `specified default runtime '${defaultName}' does not exist`);
    for (const [name, { type, options }] of definitions) if (type !== '') encodeShimOptions(name, type, options);
  }

  /** '' is the default one. Throws invalid-argument in docker's words for one that is unknown. */
  choose(given: string): ChosenRuntime {
    const name = given || this.defaultName;
    const definition = this.#definitions.get(name);
    if (definition !== undefined) return this.#defined(name, definition);
    const shim = stockRuntimes.get(name) ?? name;
    if (!isShimName(shim)) throw new ContainerError('invalid-argument', `unknown or invalid runtime name: ${name}`);
    return { name: shim, options: undefined };
  }

  /** As `info` lists them. */
  list(): Record<string, { path: string; runtimeArgs?: readonly string[] }> {
    const stock = [...stockRuntimes.keys()].map((name) => [name, { path: 'runc' }] as const);
    const isNamed = this.#definitions.has(this.defaultName) || stockRuntimes.has(this.defaultName);
    const own = isNamed ? [] : [[this.defaultName, { path: this.defaultName }] as const];
    const defined = [...this.#definitions].map(
      ([name, { path, type, args }]) =>
        [name, { path: path || type, ...(args.length === 0 ? {} : { runtimeArgs: args }) }] as const,
    );
    return Object.fromEntries([...own, ...stock, ...defined]);
  }

  #defined(name: string, { path, args, type, options }: RuntimeDefinition): ChosenRuntime {
    if (type !== '') return { name: type, options: encodeShimOptions(name, type, options) };
    const BinaryName = args.length === 0 ? path : this.#script(name, path, args);
    return { name: this.#pathShim, options: encodeShimOptions(name, this.#pathShim, { BinaryName }) };
  }

  /** A shim calls a program without arguments of ours. The script's name tells its content: containers hold on to it. */
  #script(name: string, path: string, args: readonly string[]): string {
    if (programIn(path) === undefined)
      throw new ContainerError(
        'invalid-argument',
        `error while looking up the specified runtime path: exec: ${JSON.stringify(path)}: executable file not found in $PATH`,
      );
    const text = `#!/bin/sh\nexec ${[path, ...args].map(quoted).join(' ')} "$@"\n`;
    const suffix = createHash('sha256').update(text).digest('hex').slice(0, 16);
    const file = join(this.#directory, `${name.replaceAll('/', '_')}.${suffix}`);
    if (existsSync(file)) return file;
    mkdirSync(this.#directory, { recursive: true, mode: 0o700 });
    writeFileSync(file, text, { mode: 0o700 });
    return file;
  }
}

/** Names that containerd makes a shim's program of. A path is none: it would let clients choose any program of the host. */
function isShimName(name: string): boolean {
  return /^[^./][^/]*\.[^/]+$/.test(name);
}

function quoted(word: string): string {
  return `'${word.replaceAll("'", `'\\''`)}'`;
}

function programIn(path: string): string | undefined {
  const candidates = isAbsolute(path)
    ? [path]
    : (process.env['PATH'] ?? '').split(delimiter).map((directory) => join(directory, path));
  return candidates.find((candidate) => {
    try {
      accessSync(candidate, constants.X_OK);
      return true;
    } catch {
      return false; // the next one
    }
  });
}
