// Keeps settings and states of containers, and the volumes' records, in the engine's database.
import { Store } from '@tscontainer/platform/store';
import { networkSchema } from '../networks/network-store.ts';
import type { ContainerSettings, ContainerState } from './container-record.ts';

const schema = [
  `CREATE TABLE containers (id TEXT PRIMARY KEY, settings TEXT NOT NULL, state TEXT NOT NULL);
   CREATE TABLE volumes (name TEXT PRIMARY KEY, record TEXT NOT NULL)`,
  networkSchema,
];

export function openEngineStore(path: string): Store {
  return new Store(path, schema);
}

/** Each method resolves once its commit is on disk. */
export class ContainerStore {
  readonly #store: Store;

  constructor(store: Store) {
    this.#store = store;
  }

  loadAll(): { settings: ContainerSettings; state: ContainerState }[] {
    const rows = this.#store.sql('SELECT settings, state FROM containers').all() as {
      settings: string;
      state: string;
    }[];
    return rows.map((row) => ({
      settings: JSON.parse(row.settings) as ContainerSettings,
      state: JSON.parse(row.state) as ContainerState,
    }));
  }

  add(settings: ContainerSettings, state: ContainerState): Promise<void> {
    const [settingsText, stateText] = [JSON.stringify(settings), JSON.stringify(state)];
    return this.#store.write(() => {
      this.#store
        .sql('INSERT INTO containers (id, settings, state) VALUES (?, ?, ?)')
        .run(settings.id, settingsText, stateText);
    });
  }

  updateState(id: string, state: ContainerState): Promise<void> {
    const text = JSON.stringify(state);
    return this.#store.write(() => {
      this.#store.sql('UPDATE containers SET state = ? WHERE id = ?').run(text, id);
    });
  }

  updateSettings(settings: ContainerSettings): Promise<void> {
    const text = JSON.stringify(settings);
    return this.#store.write(() => {
      this.#store.sql('UPDATE containers SET settings = ? WHERE id = ?').run(text, settings.id);
    });
  }

  /** Both in one commit. */
  update(settings: ContainerSettings, state: ContainerState): Promise<void> {
    const [settingsText, stateText] = [JSON.stringify(settings), JSON.stringify(state)];
    return this.#store.write(() => {
      this.#store
        .sql('UPDATE containers SET settings = ?, state = ? WHERE id = ?')
        .run(settingsText, stateText, settings.id);
    });
  }

  remove(id: string): Promise<void> {
    return this.#store.write(() => {
      this.#store.sql('DELETE FROM containers WHERE id = ?').run(id);
    });
  }
}
