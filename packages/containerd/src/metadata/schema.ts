// The tables of meta.db, as migrations in order; every store of this daemon reads and writes its own of them.
//
// Ordering rule between rows and files: what a row names is on disk before the row is committed, and the row is gone
// before its files go. So a kill leaves files without rows (removed at the next start), never rows without files.

/** Labels are JSON objects, times are nanoseconds since the epoch as decimal text split in seconds and nanos. */
export const schema: string[] = [
  `
  CREATE TABLE namespaces (
    name TEXT PRIMARY KEY,
    labels TEXT NOT NULL DEFAULT '{}'
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE containers (
    namespace TEXT NOT NULL,
    id TEXT NOT NULL,
    snapshotter TEXT NOT NULL,
    snapshot_key TEXT NOT NULL,
    record BLOB NOT NULL,
    PRIMARY KEY (namespace, id)
  ) STRICT;

  CREATE TABLE images (
    namespace TEXT NOT NULL,
    name TEXT NOT NULL,
    target TEXT NOT NULL,
    labels TEXT NOT NULL,
    created TEXT NOT NULL,
    updated TEXT NOT NULL,
    PRIMARY KEY (namespace, name)
  ) STRICT;

  CREATE TABLE content (
    namespace TEXT NOT NULL,
    digest TEXT NOT NULL,
    size INTEGER NOT NULL,
    labels TEXT NOT NULL,
    created TEXT NOT NULL,
    updated TEXT NOT NULL,
    PRIMARY KEY (namespace, digest)
  ) STRICT;
  CREATE INDEX content_by_digest ON content (digest);

  CREATE TABLE snapshots (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    namespace TEXT NOT NULL,
    name TEXT NOT NULL,
    parent_id INTEGER REFERENCES snapshots (id),
    kind TEXT NOT NULL,
    labels TEXT NOT NULL,
    created TEXT NOT NULL,
    updated TEXT NOT NULL,
    size INTEGER,
    inodes INTEGER,
    UNIQUE (namespace, name)
  ) STRICT;
  CREATE INDEX snapshots_by_parent ON snapshots (parent_id);

  CREATE TABLE leases (
    namespace TEXT NOT NULL,
    id TEXT NOT NULL,
    labels TEXT NOT NULL,
    created TEXT NOT NULL,
    PRIMARY KEY (namespace, id)
  ) STRICT;

  CREATE TABLE lease_resources (
    namespace TEXT NOT NULL,
    lease TEXT NOT NULL,
    type TEXT NOT NULL,
    id TEXT NOT NULL,
    PRIMARY KEY (namespace, lease, type, id)
  ) STRICT, WITHOUT ROWID;
  `,
  `
  CREATE TABLE sandboxes (
    namespace TEXT NOT NULL,
    id TEXT NOT NULL,
    record BLOB NOT NULL,
    PRIMARY KEY (namespace, id)
  ) STRICT;
  `,
  // one table for all snapshotters; a row whose files are not flushed yet names the boot that they are in memory of.
  // Without the reference to itself: it would have to be kept while the table changes, and remove() looks by itself.
  `
  CREATE TABLE snapshots_2 (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    namespace TEXT NOT NULL,
    snapshotter TEXT NOT NULL,
    name TEXT NOT NULL,
    parent_id INTEGER,
    kind TEXT NOT NULL,
    labels TEXT NOT NULL,
    created TEXT NOT NULL,
    updated TEXT NOT NULL,
    size INTEGER,
    inodes INTEGER,
    unflushed_boot TEXT,
    UNIQUE (namespace, snapshotter, name)
  ) STRICT;
  INSERT INTO snapshots_2 (id, namespace, snapshotter, name, parent_id, kind, labels, created, updated, size, inodes)
    SELECT id, namespace, 'overlayfs', name, parent_id, kind, labels, created, updated, size, inodes FROM snapshots;
  UPDATE snapshots SET parent_id = NULL;
  DROP TABLE snapshots;
  ALTER TABLE snapshots_2 RENAME TO snapshots;
  CREATE INDEX snapshots_by_parent ON snapshots (parent_id);
  CREATE INDEX snapshots_unflushed ON snapshots (unflushed_boot) WHERE unflushed_boot IS NOT NULL;
  `,
];
