// A database of an earlier version keeps its snapshots through the change of their table.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Store } from '@tscontainer/platform/store';
import { expect, it } from 'vitest';
import { schema } from './schema.ts';

it('keeps rows, parents and the unique names when snapshots get their snapshotter', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'tsc-schema-'));
  try {
    const path = join(directory, 'meta.db');
    const step = schema.findIndex((sql) => sql.includes('snapshots_2'));
    const old = new Store(path, schema.slice(0, step));
    await old.write(() => {
      const insert =
        "INSERT INTO snapshots (id, namespace, name, parent_id, kind, labels, created, updated) VALUES (?, 'n', ?, ?, 'COMMITTED', '{}', 'c', 'u')";
      old.sql(insert).run(3, 'base', null);
      old.sql(insert).run(7, 'top', 3);
    });
    old.close();
    const store = new Store(path, schema);
    const rows = store.sql('SELECT id, snapshotter, name, parent_id FROM snapshots ORDER BY id').all();
    expect(rows.map((row) => Object.values(row))).toEqual([
      [3, 'overlayfs', 'base', null],
      [7, 'overlayfs', 'top', 3],
    ]);
    expect(store.sql("SELECT seq FROM sqlite_sequence WHERE name='snapshots'").get()?.seq).toBe(7);
    store.close();
  } finally {
    rmSync(directory, { recursive: true });
  }
});
