// The runtimes that an administrator has named: `--add-runtime NAME=PATH` and "runtimes" of daemon.json, read and checked once.
import { ContainerError } from '@tscontainer/core/errors';

/** As daemon.json has it: an OCI runtime's program (path), or a containerd shim (runtimeType). */
export interface RuntimeDefinition {
  path: string;
  args: readonly string[];
  /** `io.containerd.NAME.VERSION`, or the path of a shim. */
  type: string;
  options: Readonly<Record<string, unknown>>;
}

/** `runc` as docker's users name it: Debian's program under containerd's own shim. */
export const stockRuntimes: ReadonlyMap<string, string> = new Map([
  ['runc', 'io.containerd.runc.v2'],
  ['io.containerd.runc.v2', 'io.containerd.runc.v2'],
]);

function invalid(message: string): ContainerError {
  return new ContainerError('invalid-argument', message);
}

/** Throws invalid-argument in docker's words. */
export function readRuntimeDefinitions(
  flags: readonly string[],
  file: unknown,
): ReadonlyMap<string, RuntimeDefinition> {
  const definitions = new Map<string, RuntimeDefinition>();
  const add = (name: string, definition: RuntimeDefinition) => {
    if (stockRuntimes.has(name)) throw invalid(`runtime name '${name}' is reserved`);
    if (definitions.has(name)) throw invalid(`runtime '${name}' was already defined`);
    definitions.set(name, definition);
  };
  for (const text of flags) {
    const [name = '', path = ''] = splitOnce(text).map((part) => part.trim());
    if (name === '' || path === '') throw invalid(`invalid runtime argument: ${text}`);
    add(name.toLowerCase(), { path, args: [], type: '', options: {} });
  }
  if (file === undefined) return definitions;
  if (!isObject(file)) throw invalid('runtimes: must be an object of runtimes by name');
  for (const [name, entry] of Object.entries(file)) add(name, definitionOf(name, entry));
  return definitions;
}

function splitOnce(text: string): [string, string] {
  const at = text.indexOf('=');
  return at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at + 1)];
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

const keys = ['path', 'runtimeArgs', 'runtimeType', 'options'];

function definitionOf(name: string, entry: unknown): RuntimeDefinition {
  if (!isObject(entry)) throw invalid(`runtime ${name}: must be an object`);
  const unknown = Object.keys(entry).find((key) => !keys.includes(key));
  if (unknown !== undefined) throw invalid(`runtime ${name}: ${unknown}: must be one of ${keys.join(', ')}`);
  const { path = '', runtimeArgs = [], runtimeType = '', options = {} } = entry;
  if (typeof path !== 'string' || typeof runtimeType !== 'string')
    throw invalid(`runtime ${name}: path and runtimeType must be texts`);
  if (!Array.isArray(runtimeArgs) || !runtimeArgs.every((arg) => typeof arg === 'string'))
    throw invalid(`runtime ${name}: runtimeArgs must be a list of texts`);
  if (!isObject(options)) throw invalid(`runtime ${name}: options must be an object`);
  if (path === '' && runtimeType === '')
    throw invalid(`runtime ${name}: either a runtimeType or a path must be configured`);
  if (path !== '' && runtimeType !== '')
    throw invalid(`runtime ${name}: cannot configure both path and runtimeType for the same runtime`);
  if (path !== '' && Object.keys(options).length > 0)
    throw invalid(`runtime ${name}: options cannot be used with a path runtime`);
  if (runtimeType !== '' && runtimeArgs.length > 0)
    throw invalid(`runtime ${name}: args cannot be used with a runtimeType runtime`);
  return { path, args: runtimeArgs, type: runtimeType, options };
}
