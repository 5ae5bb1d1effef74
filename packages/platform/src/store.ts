// The embedded ACID store of both daemons: SQLite in WAL mode, and writes that share commits and flushes.
//
// Every `write` is durable when its promise resolves. Writes asked for in the same turn of the event loop become one
// transaction; each has a savepoint of its own, so that one that throws undoes only itself. SQLite itself does not flush
// a commit (synchronous=NORMAL: atomic and in order, also after power loss, but perhaps not the last ones): `WalFlusher`
// does, off the event loop, and what is committed meanwhile shares the next flush.
import { DatabaseSync, type StatementSync } from 'node:sqlite';
import { ContainerError, errorMessageOf } from '@tscontainer/core/errors';
import { failpoint } from './failpoint.ts';
import { SpaceReserve } from './space-reserve.ts';
import { prepareWal, WalFlusher } from './wal-flusher.ts';

interface PendingWrite {
  work: () => unknown;
  resolve: (value: any) => void;
  reject: (error: unknown) => void;
}

type WriteOutcome = { value: unknown } | { error: unknown };

/** At most this many writes share one commit, which bounds how long the event loop is held. */
const maxGroupSize = 256;

export class Store {
  readonly path: string;
  readonly #database: DatabaseSync;
  readonly #statements = new Map<string, StatementSync>();
  #pending: PendingWrite[] = [];
  #isScheduled = false;
  readonly #reserve: SpaceReserve;
  readonly #flusher: WalFlusher;

  /** Opens or makes the file. `schema`: migrations in order; `PRAGMA user_version` counts those that ran. */
  constructor(path: string, schema: string[]) {
    this.path = path;
    this.#reserve = new SpaceReserve(`${path}-reserve`);
    try {
      prepareWal(path);
      this.#database = new DatabaseSync(path, { timeout: 5000 });
      this.#database.exec(
        'PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA foreign_keys=ON; PRAGMA cache_size=-2048',
      );
      this.#migrate(schema);
      this.#flusher = new WalFlusher(path);
      this.#reserve.take();
    } catch (error) {
      throw new ContainerError('data-loss', `open store ${path}: ${errorMessageOf(error)}`, { cause: error });
    }
  }

  /** A prepared statement, kept by its text. Reads may run at any time; writes belong inside `write`. */
  sql(text: string): StatementSync {
    let statement = this.#statements.get(text);
    if (statement === undefined) {
      statement = this.#database.prepare(text);
      this.#statements.set(text, statement);
    }
    return statement;
  }

  /**
   * Runs `work` (synchronous) in a transaction; resolves with its result once the commit is on disk. On a full disk it
   * runs a second time: it must change nothing but rows.
   */
  write<T>(work: () => T): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      this.#pending.push({ work, resolve, reject });
      if (this.#isScheduled) return;
      this.#isScheduled = true;
      setImmediate(() => this.#commitGroup());
    });
  }

  /** Commits what is pending and closes, which flushes all of it. */
  close(): void {
    while (this.#pending.length > 0) this.#commitGroup();
    this.#reserve.close();
    this.#statements.clear();
    this.#database.close();
    this.#flusher.close();
  }

  #commitGroup(): void {
    const group = this.#pending.splice(0, maxGroupSize);
    this.#isScheduled = this.#pending.length > 0;
    if (this.#isScheduled) setImmediate(() => this.#commitGroup());
    if (group.length === 0) return;
    let outcomes: WriteOutcome[];
    try {
      outcomes = this.#commitWithRoom(group);
    } catch (error) {
      const failure = new ContainerError(codeOfSqlite(error), `commit ${this.path}: ${errorMessageOf(error)}`, {
        cause: error,
      });
      for (const write of group) write.reject(failure);
      return;
    }
    this.#flusher.flush((failure) => {
      for (const [index, outcome] of outcomes.entries()) {
        if ('error' in outcome) group[index]?.reject(outcome.error);
        else if (failure !== undefined) group[index]?.reject(failure);
        else group[index]?.resolve(outcome.value);
      }
    });
  }

  /** On a full disk once more, with the reserve given up and the log begun anew: what frees space has to get through. */
  #commitWithRoom(group: PendingWrite[]): WriteOutcome[] {
    try {
      return this.#commit(group);
    } catch (error) {
      if (codeOfSqlite(error) !== 'resource-exhausted') throw error;
      this.#reserve.release();
      this.#database.exec('PRAGMA wal_checkpoint(RESTART)');
      return this.#commit(group);
    }
  }

  #commit(group: PendingWrite[]): WriteOutcome[] {
    try {
      this.#database.exec('BEGIN IMMEDIATE');
      const outcomes = group.map((write) => this.#runInSavepoint(write));
      failpoint('store.commit.before');
      this.#database.exec('COMMIT');
      failpoint('store.commit.after');
      return outcomes;
    } catch (error) {
      this.#rollback();
      throw error;
    }
  }

  #runInSavepoint(write: PendingWrite): WriteOutcome {
    this.#database.exec('SAVEPOINT w');
    try {
      const value = write.work();
      this.#database.exec('RELEASE w');
      return { value };
    } catch (error) {
      if (!this.#database.isTransaction) throw error; // SQLite itself gave up (disk full): nobody's write stands
      this.#database.exec('ROLLBACK TO w; RELEASE w');
      return { error };
    }
  }

  #rollback(): void {
    if (this.#database.isTransaction) this.#database.exec('ROLLBACK');
  }

  #migrate(schema: string[]): void {
    const { user_version: done } = this.#database.prepare('PRAGMA user_version').get() as { user_version: number };
    for (const [index, step] of schema.entries()) {
      if (index < done) continue;
      this.#database.exec(`BEGIN; ${step}; PRAGMA user_version=${index + 1}; COMMIT`);
    }
  }
}

function codeOfSqlite(error: unknown): 'resource-exhausted' | 'data-loss' | 'internal' {
  const { errcode } = error as { errcode?: number };
  if (errcode === 13) return 'resource-exhausted'; // SQLITE_FULL
  return errcode === 11 || errcode === 26 ? 'data-loss' : 'internal'; // SQLITE_CORRUPT, SQLITE_NOTADB
}
