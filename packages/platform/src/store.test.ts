// The store: shared commits, savepoints, and what is on disk when a write has resolved.
import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { Store } from './store.ts';

const schema = ['CREATE TABLE rows (id TEXT PRIMARY KEY, text TEXT NOT NULL)'];
const undo: (() => void)[] = [];

afterEach(() => {
  for (const step of undo.splice(0).reverse()) step();
});

function temporaryDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'tsc-store-'));
  undo.push(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

function open(path: string): Store {
  const store = new Store(path, schema);
  let isOpen = true;
  const close = store.close.bind(store);
  store.close = () => {
    if (isOpen) close();
    isOpen = false;
  };
  undo.push(() => store.close());
  return store;
}

const put = (store: Store, id: string, text = 'x'): Promise<void> =>
  store.write(() => {
    store.sql('INSERT INTO rows (id, text) VALUES (?, ?)').run(id, text);
  });

const idsOf = (store: Store): unknown[] =>
  store
    .sql('SELECT id FROM rows ORDER BY id')
    .all()
    .map((row) => row.id);

describe('store', () => {
  it('undoes only the write that throws, of those that share a commit', async () => {
    const store = open(join(temporaryDirectory(), 'a.db'));
    const outcomes = await Promise.allSettled([put(store, '1'), put(store, '1'), put(store, '2')]);
    expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect(idsOf(store)).toEqual(['1', '2']);
  });

  it('resolves writes that were asked for while another was being flushed', async () => {
    const store = open(join(temporaryDirectory(), 'a.db'));
    const first = put(store, '00');
    await new Promise((resolve) => setImmediate(resolve));
    const later = Array.from({ length: 50 }, (_, index) => put(store, String(index + 1).padStart(2, '0')));
    await Promise.all([first, ...later]);
    expect(idsOf(store)).toHaveLength(51);
  });

  it('keeps what was asked for before it was closed', async () => {
    const path = join(temporaryDirectory(), 'a.db');
    const store = open(path);
    const written = put(store, '1');
    store.close();
    await written;
    expect(idsOf(open(path))).toEqual(['1']);
  });

  it('finds what a killed process wrote, and goes on behind it', async () => {
    const directory = temporaryDirectory();
    const store = open(join(directory, 'a.db'));
    await put(store, '1');
    for (const suffix of ['', '-wal']) copyFileSync(join(directory, `a.db${suffix}`), join(directory, `b.db${suffix}`));
    const successor = open(join(directory, 'b.db'));
    expect(idsOf(successor)).toEqual(['1']);
    await put(successor, '2');
    successor.close();
    expect(idsOf(open(join(directory, 'b.db')))).toEqual(['1', '2']);
  });

  it('goes on when its log begins anew', async () => {
    const path = join(temporaryDirectory(), 'a.db');
    const store = open(path);
    const large = 'y'.repeat(100_000);
    for (let index = 0; index < 100; index++) await put(store, String(index).padStart(3, '0'), large);
    store.close();
    expect(idsOf(open(path))).toHaveLength(100);
  });

  // The image of a loop device holds what was flushed, and nothing that only the page cache above it had.
  it('has a write on disk when it resolves: a copy of the disk made at that moment, as power loss leaves it', async () => {
    const directory = temporaryDirectory();
    const [disk, root] = [join(directory, 'disk'), join(directory, 'root')];
    execFileSync('truncate', ['-s', '64M', disk]);
    execFileSync('mkfs.ext4', ['-q', disk]);
    mount(disk, root);
    const store = open(join(root, 'a.db'));
    const copies: { copy: string; ids: string[] }[] = [];
    for (const id of ['1', '2', '3']) {
      await put(store, id);
      const copy = join(directory, `copy-${id}`);
      copyFileSync(disk, copy);
      copies.push({ copy, ids: ['1', '2', '3'].slice(0, Number(id)) });
    }
    for (const { copy, ids } of copies) {
      const at = `${copy}-root`;
      mount(copy, at);
      expect(idsOf(open(join(at, 'a.db')))).toEqual(ids);
    }
  });
});

function mount(disk: string, at: string): void {
  mkdirSync(at);
  execFileSync('mount', ['-o', 'loop', disk, at]);
  undo.push(() => execFileSync('umount', [at]));
}
