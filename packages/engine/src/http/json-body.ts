// Reads JSON bodies as Go's encoding/json would: keys without regard to case, unknown ones ignored, types checked.
import type { IncomingMessage } from 'node:http';
import type { Readable } from 'node:stream';
import { ContainerError, errorMessageOf } from '@tscontainer/core/errors';

/** Largest JSON body, in bytes. */
const maxBodyBytes = 4 * 1024 * 1024;
/** Go's int64. */
const maxInteger = 2 ** 63;

export type Field =
  | 'string'
  | 'bool'
  | 'int'
  | 'strings'
  /** A string or a list of them, as Cmd and Entrypoint. */
  | 'words'
  | 'stringMap'
  | 'any'
  /** Two numbers: height and width of a terminal. */
  | 'size'
  | { object: Schema }
  | { list: Schema }
  | { map: 'any' | 'strings' };

/** Field kinds by their canonical names. */
export interface Schema {
  readonly [name: string]: Field;
}

/** The whole body; rejects invalid-argument past the bound. */
export async function readBody(stream: Readable, limitBytes = maxBodyBytes): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  // what is too large is not read on, but its sender is still to be told so: the stream stays
  for await (const chunk of stream.iterator({ destroyOnReturn: false })) {
    size += (chunk as Buffer).length;
    if (size > limitBytes)
      throw new ContainerError('invalid-argument', `request body is larger than ${limitBytes} bytes`);
    chunks.push(chunk as Buffer);
  }
  return chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks);
}

/** Undefined for an empty body. Throws invalid-argument for a form, broken JSON, or anything after it. */
export function parseJson(body: Buffer, contentType: string | undefined): unknown {
  if (body.length === 0) return undefined;
  const type = contentType?.split(';')[0]?.trim().toLowerCase() ?? '';
  if (type !== '' && type !== 'application/json') {
    throw new ContainerError(
      'invalid-argument',
      `unsupported Content-Type header (${type}): must be 'application/json'`,
    );
  }
  try {
    return JSON.parse(body.toString('utf8'));
  } catch (error) {
    throw new ContainerError('invalid-argument', `invalid JSON: ${errorMessageOf(error)}`, { cause: error });
  }
}

export async function readJson(request: IncomingMessage): Promise<unknown> {
  return parseJson(await readBody(request), request.headers['content-type']);
}

const lookups = new WeakMap<Schema, Map<string, string>>();

function lookupOf(schema: Schema): Map<string, string> {
  let lookup = lookups.get(schema);
  if (lookup === undefined) {
    lookup = new Map(Object.keys(schema).map((name) => [name.toLowerCase(), name]));
    lookups.set(schema, lookup);
  }
  return lookup;
}

function mismatch(path: string, value: unknown, wanted: string): ContainerError {
  const got = Array.isArray(value) ? 'array' : typeof value;
  return new ContainerError('invalid-argument', `json: cannot unmarshal ${got} into field ${path} of type ${wanted}`);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return value !== null && typeof value === 'object' && !Array.isArray(value);
}

function decodeStrings(value: unknown, path: string): string[] {
  if (!Array.isArray(value)) throw mismatch(path, value, '[]string');
  for (const item of value) if (typeof item !== 'string') throw mismatch(path, item, 'string');
  return value as string[];
}

function decodeMap(value: unknown, path: string, kind: 'string' | 'any' | 'strings'): Record<string, unknown> {
  if (!isObject(value)) throw mismatch(path, value, 'map');
  for (const [key, item] of Object.entries(value)) {
    if (kind === 'string' && typeof item !== 'string') throw mismatch(`${path}.${key}`, item, 'string');
    if (kind === 'strings') decodeStrings(item, `${path}.${key}`);
  }
  return value;
}

function decodeField(field: Field, value: unknown, path: string): unknown {
  if (typeof field === 'object') {
    if ('object' in field) return decodeObject(field.object, value, path);
    if ('map' in field) return decodeMap(value, path, field.map);
    if (!Array.isArray(value)) throw mismatch(path, value, 'array');
    return value.map((item) => decodeObject(field.list, item, path));
  }
  switch (field) {
    case 'string':
      if (typeof value !== 'string') throw mismatch(path, value, 'string');
      return value;
    case 'bool':
      if (typeof value !== 'boolean') throw mismatch(path, value, 'bool');
      return value;
    case 'int':
      if (typeof value !== 'number' || !Number.isInteger(value) || Math.abs(value) > maxInteger)
        throw mismatch(path, value, 'int64');
      return value;
    case 'words':
      return typeof value === 'string' ? [value] : decodeStrings(value, path);
    case 'strings':
      return decodeStrings(value, path);
    case 'stringMap':
      return decodeMap(value, path, 'string');
    case 'size':
      if (!Array.isArray(value) || value.length !== 2 || value.some((item) => !Number.isInteger(item) || item < 0))
        throw mismatch(path, value, '[2]uint');
      return value;
    case 'any':
      return value;
  }
}

/** The known fields of `value` under their canonical names; null counts as missing. */
export function decodeObject(schema: Schema, value: unknown, path: string): Record<string, unknown> {
  if (!isObject(value)) throw mismatch(path, value, 'object');
  const lookup = lookupOf(schema);
  const result: Record<string, unknown> = {};
  for (const [key, item] of Object.entries(value)) {
    const name = lookup.get(key.toLowerCase());
    const field = name === undefined ? undefined : schema[name];
    if (name === undefined || field === undefined || item === null) continue;
    result[name] = decodeField(field, item, `${path}.${name}`);
  }
  return result;
}

/** For calls that mean nothing without a body. Throws invalid-argument for an empty one. */
export function requiredBody(body: unknown): unknown {
  if (body === undefined)
    throw new ContainerError('invalid-argument', 'invalid JSON: got EOF while reading request body');
  return body;
}
