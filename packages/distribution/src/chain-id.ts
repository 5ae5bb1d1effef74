// Chain ids: the names of snapshots, computed from the uncompressed layers' digests (OCI image-spec config.md, "ChainID").
import { createHash } from 'node:crypto';
import type { Digest } from '@tscontainer/core/digest';

export function digestOf(bytes: string | Uint8Array): Digest {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}

/** One chain id per layer, the lowest first. */
export function chainIdsOf(diffIds: Digest[]): Digest[] {
  const chain: Digest[] = [];
  for (const diffId of diffIds) {
    const parent = chain.at(-1);
    chain.push(parent === undefined ? diffId : digestOf(`${parent} ${diffId}`));
  }
  return chain;
}

/** The topmost chain id, '' without layers. */
export function chainIdOf(diffIds: Digest[]): Digest {
  return chainIdsOf(diffIds).at(-1) ?? '';
}
