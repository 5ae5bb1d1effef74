// Snapshot rows against their directories and parents, and directories against their rows.
import { existsSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { unmountBelow } from '@tscontainer/linux/mounts';
import type { Store } from '@tscontainer/platform/store';
import { entriesOf } from './content-check.ts';
import type { FindingList } from './finding.ts';

interface Row {
  id: number;
  namespace: string;
  name: string;
  parent_id: number | null;
  kind: string;
}

/** `root`: the snapshotter's own directory. */
export async function checkSnapshots(store: Store, name: string, root: string, findings: FindingList): Promise<void> {
  await unmountBelow(root); // layers that a killed daemon left mounted: a start mounts what is needed
  const directory = join(root, 'snapshots');
  const select = 'SELECT id, namespace, name, parent_id, kind FROM snapshots WHERE snapshotter=? ORDER BY id';
  const rows = store.sql(select).all(name) as unknown as Row[];
  const lost = new Set<number>();
  const ids = new Set(rows.map(({ id }) => id));
  for (const row of parentsFirst(rows)) {
    const object = `snapshot ${name}/${row.name} of ${row.namespace}`;
    const hasFiles =
      existsSync(join(directory, String(row.id), 'fs')) && (name !== 'erofs' || hasImage(directory, row));
    const isOrphan = row.parent_id !== null && (!ids.has(row.parent_id) || lost.has(row.parent_id));
    if (!isOrphan && hasFiles) continue;
    if (!isOrphan && row.kind !== 'COMMITTED') {
      await findings.found(object, 'its directory is missing', 'made anew, empty', () => makeEmpty(directory, row.id));
      continue;
    }
    lost.add(row.id);
    const fault = isOrphan ? 'what it stands on is missing' : 'its files are missing';
    await findings.found(object, fault, 'forgotten; a pull unpacks it again', async () => {
      await store.write(() => store.sql('DELETE FROM snapshots WHERE id=?').run(row.id));
      rmSync(join(directory, String(row.id)), { recursive: true, force: true });
    });
  }
  for (const entry of entriesOf(directory)) {
    if (ids.has(Number(entry)) || isMadeAhead(join(directory, entry))) continue;
    await findings.found(`snapshot directory ${name}/${entry}`, 'no record names it', 'removed', () =>
      rmSync(join(directory, entry), { recursive: true }),
    );
  }
  for (const entry of entriesOf(join(root, 'trash')))
    await findings.found(`removed snapshot ${name}/${entry}`, 'its files are still there', 'removed', () =>
      rmSync(join(root, 'trash', entry), { recursive: true }),
    );
}

/** A layer may have been made before the one that it was committed over: their ids say nothing of it. */
function parentsFirst(rows: Row[]): Row[] {
  const byId = new Map(rows.map((row) => [row.id, row]));
  const ordered = new Set<Row>();
  for (const row of rows) {
    const chain: Row[] = []; // the nearest first; in a damaged database it may be a circle
    let at: Row | undefined = row;
    while (at !== undefined && !ordered.has(at) && !chain.includes(at)) {
      chain.push(at);
      at = at.parent_id === null ? undefined : byId.get(at.parent_id);
    }
    for (const one of chain.reverse()) ordered.add(one);
  }
  return [...ordered];
}

/** A committed layer of erofs is an image, under the one name or the other. */
function hasImage(directory: string, { id, kind }: Row): boolean {
  const names = ['layer.erofs', 'commit.erofs'];
  return kind !== 'COMMITTED' || names.some((image) => existsSync(join(directory, String(id), image)));
}

/** An empty one without a row was made for the next prepare: the next start takes it away. */
function isMadeAhead(path: string): boolean {
  return entriesOf(join(path, 'fs')).length === 0;
}

function makeEmpty(directory: string, id: number): void {
  for (const part of ['fs', 'work']) mkdirSync(join(directory, String(id), part), { recursive: true, mode: 0o755 });
}
