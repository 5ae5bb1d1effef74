// Keeps the records of networks in the engine's database.
import type { Store } from '@tscontainer/platform/store';
import type { NetworkRecord } from './network-record.ts';

/** A migration of the engine's database. */
export const networkSchema = 'CREATE TABLE networks (id TEXT PRIMARY KEY, record TEXT NOT NULL)';

/** Each method resolves once its commit is on disk. */
export class NetworkStore {
  readonly #store: Store;

  constructor(store: Store) {
    this.#store = store;
  }

  loadAll(): NetworkRecord[] {
    const rows = this.#store.sql('SELECT record FROM networks').all() as { record: string }[];
    return rows.map((row) => JSON.parse(row.record) as NetworkRecord);
  }

  put(record: NetworkRecord): Promise<void> {
    const text = JSON.stringify(record);
    return this.#store.write(() => {
      this.#store.sql('INSERT OR REPLACE INTO networks (id, record) VALUES (?, ?)').run(record.id, text);
    });
  }

  remove(id: string): Promise<void> {
    return this.#store.write(() => {
      this.#store.sql('DELETE FROM networks WHERE id = ?').run(id);
    });
  }
}
