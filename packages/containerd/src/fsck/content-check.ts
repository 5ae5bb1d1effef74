// Blobs against their rows and against their names: missing, of another size, of other bytes, nobody's; half uploads.
import { createHash } from 'node:crypto';
import { createReadStream, existsSync, readdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { hexOf } from '@tscontainer/core/digest';
import type { Store } from '@tscontainer/platform/store';
import { readIngest } from '../content/ingest.ts';
import type { FindingList } from './finding.ts';

/** `isQuick`: sizes only, the bytes are not read. */
export async function checkContent(store: Store, root: string, isQuick: boolean, findings: FindingList): Promise<void> {
  const directory = join(root, 'blobs/sha256');
  const rows = store.sql('SELECT digest, MIN(size) AS size FROM content GROUP BY digest ORDER BY digest').all();
  for (const row of rows) {
    const [digest, size] = [row.digest as string, row.size as number];
    const path = join(directory, hexOf(digest));
    const fault = await faultOf(path, digest, size, isQuick);
    if (fault === undefined) continue;
    await findings.found(`content ${digest}`, fault, 'forgotten; a pull brings it again', async () => {
      await store.write(() => store.sql('DELETE FROM content WHERE digest=?').run(digest));
      rmSync(path, { force: true });
    });
  }
  const known = new Set(rows.map((row) => hexOf(row.digest as string)));
  for (const name of entriesOf(directory)) {
    if (known.has(name)) continue;
    await findings.found(`content file ${name}`, 'no record names it', 'removed', () =>
      rmSync(join(directory, name), { recursive: true }),
    );
  }
  for (const name of entriesOf(join(root, 'trash')))
    await findings.found(`removed content ${name}`, 'its files are still there', 'removed', () =>
      rmSync(join(root, 'trash', name), { recursive: true }),
    );
  for (const name of entriesOf(join(root, 'ingest'))) {
    const path = join(root, 'ingest', name);
    if (readIngest(path) !== undefined) continue;
    await findings.found(`upload ${name}`, 'says nothing of itself', 'removed', () =>
      rmSync(path, { recursive: true }),
    );
  }
}

async function faultOf(path: string, digest: string, size: number, isQuick: boolean): Promise<string | undefined> {
  if (!existsSync(path)) return 'missing';
  const actual = statSync(path).size;
  if (actual !== size) return `${actual} bytes instead of ${size}`;
  if (isQuick) return undefined;
  const hash = createHash('sha256');
  try {
    for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 })) hash.update(chunk as Buffer);
  } catch (error) {
    return `unreadable (${(error as NodeJS.ErrnoException).code})`;
  }
  return `sha256:${hash.digest('hex')}` === digest ? undefined : 'other bytes than its digest says';
}

export function entriesOf(directory: string): string[] {
  return existsSync(directory) ? readdirSync(directory).sort() : [];
}
