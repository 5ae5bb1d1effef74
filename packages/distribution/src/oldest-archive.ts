// Archives of docker before 1.10: a directory per layer with its own description, and `repositories` that names the topmost.
// archive-images.ts asks here when an archive has neither manifest.json nor index.json.
import type { ImageConfig } from '@tscontainer/core/oci-image';
import { badArchive } from './tar-archive.ts';

/** What a layer's `json` says. */
interface LayerDescription {
  parent?: unknown;
  created?: string;
  author?: string;
  comment?: string;
  architecture?: string;
  os?: string;
  config?: object;
  container_config?: { Cmd?: unknown };
  [field: string]: unknown;
}

export interface OldestImage {
  /** `name:tag`, as written. */
  names: string[];
  /** Paths of the layers, the lowest first. */
  layers: string[];
  /** All but rootfs. */
  config: Omit<ImageConfig, 'rootfs'> & Record<string, unknown>;
}

const maxLayers = 127;
/** Of the old form: they name what a digest names now. */
const droppedFields = ['id', 'parent', 'parent_id', 'layer_id', 'Size', 'throwaway'];

function parseObject(bytes: Buffer, what: string): Record<string, unknown> {
  try {
    const parsed: unknown = JSON.parse(bytes.toString('utf8'));
    if (typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed))
      return parsed as Record<string, unknown>;
  } catch (error) {
    throw badArchive(`${what} is not JSON`, error);
  }
  throw badArchive(`${what} is no object`);
}

/** Rejects nothing: throws invalid-argument (`bad-archive`). `document` gives the bytes of a path, if it is there. */
export function findOldestImages(repositories: Buffer, document: (path: string) => Buffer | undefined): OldestImage[] {
  const namesOf = new Map<string, string[]>();
  for (const [repository, tags] of Object.entries(parseObject(repositories, 'repositories')))
    for (const [tag, id] of Object.entries((tags ?? {}) as Record<string, unknown>)) {
      if (typeof id !== 'string' || !/^[a-f0-9]{64}$/.test(id)) throw badArchive(`repositories: ${tag} names no layer`);
      namesOf.set(id, [...(namesOf.get(id) ?? []), `${repository}:${tag}`]);
    }
  return [...namesOf].map(([id, names]) => imageOf(id, names, document));
}

function imageOf(top: string, names: string[], document: (path: string) => Buffer | undefined): OldestImage {
  const chain: { id: string; description: LayerDescription }[] = [];
  for (let id: unknown = top; id !== undefined && id !== ''; id = chain[0]?.description.parent) {
    if (typeof id !== 'string' || chain.length === maxLayers) throw badArchive(`layer ${top} has no end of parents`);
    const bytes = document(`${id}/json`);
    if (bytes === undefined) throw badArchive(`file ${JSON.stringify(`${id}/json`)} is missing`);
    chain.unshift({ id, description: parseObject(bytes, `${id}/json`) });
  }
  const own = chain.at(-1)?.description ?? {};
  const kept = Object.fromEntries(Object.entries(own).filter(([field]) => !droppedFields.includes(field)));
  return {
    names,
    layers: chain.map(({ id }) => `${id}/layer.tar`),
    config: {
      ...kept,
      architecture: own.architecture || 'amd64',
      os: own.os || 'linux',
      history: chain.map(({ description }) => historyOf(description)),
    },
  };
}

function historyOf({ created, author, comment, container_config: made }: LayerDescription) {
  const command = Array.isArray(made?.Cmd) ? made.Cmd.join(' ') : '';
  return {
    ...(created === undefined ? {} : { created }),
    ...(author ? { author } : {}),
    ...(command === '' ? {} : { created_by: command }),
    ...(comment ? { comment } : {}),
  };
}
