// Whether meta.db can be read at all; from a damaged one the rows that can still be read are carried into a new one.
import { existsSync, renameSync, rmSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { errorMessageOf } from '@tscontainer/core/errors';
import { Store } from '@tscontainer/platform/store';
import { schema } from '../metadata/schema.ts';
import type { FindingList } from './finding.ts';

const tables = ['namespaces', 'containers', 'images', 'content', 'snapshots', 'leases', 'lease_resources', 'sandboxes'];

/** False when the database is damaged and was not repaired: then nothing else can be checked. */
export async function checkDatabase(path: string, findings: FindingList): Promise<boolean> {
  if (!existsSync(path)) return true; // a daemon that never ran
  const fault = faultOf(path);
  if (fault === undefined) return true;
  let isMended = false;
  await findings.found('database', fault, 'readable rows are carried into a new one, the old is kept beside it', () => {
    rescue(path);
    isMended = true;
  });
  return isMended;
}

function faultOf(path: string): string | undefined {
  try {
    const database = new DatabaseSync(path, { timeout: 5000 });
    try {
      const rows = database
        .prepare('PRAGMA integrity_check(10)')
        .all()
        .map((row) => String(Object.values(row)[0]));
      if (rows.join() !== 'ok') return rows.join('; ');
      const names = database.prepare("SELECT name FROM sqlite_master WHERE type='table'").all();
      const missing = tables.filter((table) => !names.some(({ name }) => name === table));
      return missing.length === 0 || names.length === 0 ? undefined : `tables are missing: ${missing.join(', ')}`;
    } finally {
      database.close();
    }
  } catch (error) {
    return errorMessageOf(error);
  }
}

function rescue(path: string): void {
  const damaged = `${path}.damaged-${Date.now()}`;
  for (const suffix of ['', '-wal', '-shm']) if (existsSync(path + suffix)) renameSync(path + suffix, damaged + suffix);
  rmSync(`${path}-reserve`, { force: true });
  new Store(path, schema).close();
  const fresh = new DatabaseSync(path);
  try {
    const old = new DatabaseSync(damaged, { readOnly: true });
    try {
      for (const table of tables) carry(old, fresh, table);
    } finally {
      old.close();
    }
  } catch {
    return; // not a database any more: there is nothing to carry
  } finally {
    fresh.close();
  }
}

/** From both ends of the table, since a damaged page ends each way at another row. */
function carry(old: DatabaseSync, fresh: DatabaseSync, table: string): void {
  for (const order of ['', 'DESC']) {
    try {
      const key = firstColumn(fresh, table);
      for (const row of old.prepare(`SELECT * FROM ${table} ORDER BY ${key} ${order}`).iterate())
        insert(fresh, table, row);
    } catch {
      // the page that is damaged: the other way may reach what is behind it
    }
  }
}

function firstColumn(database: DatabaseSync, table: string): string {
  return String(database.prepare(`PRAGMA table_info(${table})`).get()?.name);
}

function insert(fresh: DatabaseSync, table: string, row: Record<string, unknown>): void {
  const known = new Set(
    fresh
      .prepare(`PRAGMA table_info(${table})`)
      .all()
      .map(({ name }) => String(name)),
  );
  const entries = Object.entries(row).filter(([name]) => known.has(name));
  const names = entries.map(([name]) => name).join(', ');
  const marks = entries.map(() => '?').join(', ');
  fresh
    .prepare(`INSERT OR IGNORE INTO ${table} (${names}) VALUES (${marks})`)
    .run(...entries.map(([, value]) => value as string | number | Uint8Array | null));
}
