// -v, --mount and --tmpfs as Binds, Volumes, Mounts and Tmpfs.
import { resolve } from 'node:path';
import type { FlagError } from '../cli/failures.ts';
import { type FlagValues, invalidFlag } from '../cli/flags.ts';
import { parseSize } from '../format/sizes.ts';

interface Mounts {
  binds: string[];
  /** Anonymous volumes by their target. */
  volumes: Record<string, object>;
  mounts: Record<string, unknown>[];
  tmpfs: Record<string, string>;
}

export function mountsOf(flags: FlagValues): Mounts {
  const result: Mounts = {
    binds: [],
    volumes: {},
    mounts: flags.list('mount').map((entry) => parseMount(entry)),
    tmpfs: {},
  };
  for (const entry of flags.list('volume')) addVolume(entry, result);
  for (const entry of flags.list('tmpfs')) {
    const [target = '', options = ''] = entry.split(/:(.*)/s);
    result.tmpfs[target] = options;
  }
  return result;
}

/** A single path is an anonymous volume; a source that starts with . or ~/ or / is a path of the host. */
function addVolume(entry: string, result: Mounts): void {
  const [first = '', ...rest] = entry.split(':');
  if (rest.length === 0) {
    result.volumes[first] = {};
    return;
  }
  const source = first.startsWith('.') ? resolve(first) : first;
  result.binds.push([source, ...rest].join(':'));
}

const bindOptions: Readonly<Record<string, (value: string) => Record<string, unknown>>> = {
  'bind-propagation': (value) => ({ Propagation: value }),
  'bind-nonrecursive': (value) => ({ NonRecursive: isTrue(value) }),
  'bind-recursive': (value) =>
    value === 'disabled'
      ? { NonRecursive: true }
      : value === 'writable'
        ? { ReadOnlyNonRecursive: true }
        : value === 'readonly'
          ? { ReadOnlyForceRecursive: true }
          : {},
};

/** Words of a mount that need no value. */
const flagWords = new Set(['readonly', 'ro', 'volume-nocopy', 'bind-nonrecursive']);

/** `type=bind,src=/a,dst=/b,ro` in CSV, as the API's Mount. */
function parseMount(entry: string): Record<string, unknown> {
  const mount: Record<string, unknown> = { Type: 'volume' };
  const sub: Record<'BindOptions' | 'VolumeOptions' | 'ImageOptions' | 'TmpfsOptions', Record<string, unknown>> = {
    BindOptions: {},
    VolumeOptions: {},
    ImageOptions: {},
    TmpfsOptions: {},
  };
  for (const part of csvFields(entry)) {
    const [name = '', value = ''] = part.split(/=(.*)/s);
    const key = name.toLowerCase();
    if (!part.includes('=') && !flagWords.has(key)) fail(entry, `invalid field '${part}' must be a key=value pair`);
    if (key === 'type') mount['Type'] = value.toLowerCase();
    else if (key === 'source' || key === 'src') mount['Source'] = value.startsWith('.') ? resolve(value) : value;
    else if (key === 'target' || key === 'dst' || key === 'destination') mount['Target'] = value;
    else if (key === 'readonly' || key === 'ro') mount['ReadOnly'] = isTrue(value);
    else if (key === 'consistency') mount['Consistency'] = value;
    else if (bindOptions[key] !== undefined) Object.assign(sub.BindOptions, bindOptions[key](value));
    else addSubOption(key, value, sub, entry);
  }
  if (Object.keys(sub.VolumeOptions).length > 0) sub.VolumeOptions['DriverConfig'] ??= {};
  if (mount['Target'] === undefined) throw badMount(entry, 'target is required');
  for (const [field, options] of Object.entries(sub)) if (Object.keys(options).length > 0) mount[field] = options;
  return mount;
}

function addSubOption(
  key: string,
  value: string,
  sub: Record<'VolumeOptions' | 'ImageOptions' | 'TmpfsOptions', Record<string, unknown>>,
  entry: string,
): void {
  const { VolumeOptions: volume, TmpfsOptions: tmpfs } = sub;
  const [left = '', right = ''] = value.split(/=(.*)/s);
  if (key === 'volume-nocopy') volume['NoCopy'] = isTrue(value);
  else if (key === 'volume-subpath') volume['Subpath'] = value;
  else if (key === 'image-subpath') sub.ImageOptions['Subpath'] = value;
  else if (key === 'volume-label') volume['Labels'] = { ...(volume['Labels'] as object), [left]: right };
  else if (key === 'volume-driver') volume['DriverConfig'] = { ...(volume['DriverConfig'] as object), Name: value };
  else if (key === 'volume-opt') {
    const config = (volume['DriverConfig'] ?? {}) as { Options?: object };
    volume['DriverConfig'] = { ...config, Options: { ...config.Options, [left]: right } };
  } else if (key === 'tmpfs-size')
    tmpfs['SizeBytes'] = parseSize(value) ?? fail(entry, `invalid value for ${key}: ${value}`);
  else if (key === 'tmpfs-mode') tmpfs['Mode'] = Number.parseInt(value, 8);
  else fail(entry, `unexpected key '${key}' in '${key}${value === '' ? '' : `=${value}`}'`);
}

/** Fields may be quoted, as in CSV: `"dst=/a,b"`. */
function csvFields(entry: string): string[] {
  return [...entry.matchAll(/(?:^|,)(?:"((?:[^"]|"")*)"|([^,]*))/g)].map(
    (match) => match[1]?.replaceAll('""', '"') ?? match[2] ?? '',
  );
}

function isTrue(value: string): boolean {
  return value === '' || value === '1' || value.toLowerCase() === 'true';
}

function badMount(entry: string, why: string): FlagError {
  return invalidFlag('--mount', entry, why);
}

function fail(entry: string, why: string): never {
  throw badMount(entry, why);
}
