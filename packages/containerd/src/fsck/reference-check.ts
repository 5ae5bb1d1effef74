// Images and containers that name what is not there (any more): said, since only a pull or a person can mend that.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { hexOf } from '@tscontainer/core/digest';
import { isIndexType } from '@tscontainer/core/oci-image';
import type { Store } from '@tscontainer/platform/store';
import type { ImageTarget } from '../images/image-store.ts';
import type { FindingList } from './finding.ts';

interface Part {
  digest: string;
  mediaType: string;
}

/** To be run last: it sees what the other checks have left. */
export async function checkReferences(store: Store, contentRoot: string, findings: FindingList): Promise<void> {
  for (const row of store.sql('SELECT namespace, name, target FROM images ORDER BY namespace, name').all()) {
    const namespace = row.namespace as string;
    const target = JSON.parse(row.target as string) as ImageTarget;
    const missing = missingParts(store, contentRoot, namespace, target);
    if (missing.length === 0) continue;
    await findings.found(
      `image ${row.name} of ${namespace}`,
      `incomplete without ${missing.join(', ')}; pull it again`,
    );
  }
  const orphans = store.sql(`
    SELECT c.namespace, c.id, c.snapshotter, c.snapshot_key FROM containers c
    LEFT JOIN snapshots s ON s.namespace=c.namespace AND s.snapshotter=c.snapshotter AND s.name=c.snapshot_key
    WHERE c.snapshot_key<>'' AND s.id IS NULL ORDER BY c.namespace, c.id`);
  for (const { namespace, id, snapshotter, snapshot_key: key } of orphans.all())
    await findings.found(`container ${id} of ${namespace}`, `its snapshot ${snapshotter}/${key} is missing`);
}

/** Of an index, children that were never fetched are no fault; of a manifest, every part is. */
function missingParts(store: Store, contentRoot: string, namespace: string, target: Part): string[] {
  const has = ({ digest }: Part) =>
    store.sql('SELECT 1 FROM content WHERE namespace=? AND digest=?').get(namespace, digest) !== undefined;
  if (!has(target)) return [target.digest];
  const document = readDocument(contentRoot, target.digest);
  if (isIndexType(target.mediaType))
    return (document.manifests ?? []).filter(has).flatMap((part) => missingParts(store, contentRoot, namespace, part));
  const parts = [...(document.config === undefined ? [] : [document.config]), ...(document.layers ?? [])];
  return parts.filter((part) => !has(part)).map(({ digest }) => digest);
}

function readDocument(root: string, digest: string): { manifests?: Part[]; config?: Part; layers?: Part[] } {
  try {
    return JSON.parse(readFileSync(join(root, 'blobs/sha256', hexOf(digest)), 'utf8'));
  } catch {
    return {}; // unreadable: the content check has said so
  }
}
