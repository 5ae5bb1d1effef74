// Failpoints: places right before or after a durable step, where a test lets a process end as kill -9 would end it.
//
// TSCONTAINER_FAILPOINT=NAME@FILE arms one: the first process of ours that comes by NAME removes FILE and is gone. A
// process that is not armed pays for one comparison.
import { unlinkSync } from 'node:fs';

/** Those of a task's life; test/chaos/failpoints.test.ts walks them all. */
export const failpoints = [
  'store.commit.before',
  'store.commit.after',
  'task.create.bundle',
  'task.create.shim',
  'task.create.answered',
  'task.start.asked',
  'task.start.answered',
  'task.exec.answered',
  'task.exec.deleted',
  'task.exit.heard',
  'task.exit.told',
  'task.delete.asked',
  'task.delete.answered',
  'task.delete.removed',
  'task.reattach.found',
  'shim.create.noted',
  'shim.create.made',
  'shim.start.started',
  'shim.exec.started',
  'shim.exit.seen',
  'shim.exit.queued',
  'shim.delete.deleted',
  'shim.adopt.adopted',
] as const;

/** Those of the stores; test/chaos/store-failpoints.test.ts walks them all, and the store's own two. */
export const storeFailpoints = [
  'content.ingest.begun',
  'content.commit.sealed',
  'content.commit.renamed',
  'content.commit.synced',
  'content.commit.recorded',
  'content.delete.unrecorded',
  'snapshot.prepare.filled',
  'snapshot.commit.flushed',
  'snapshot.detached.adopted',
  'snapshot.image.written',
  'snapshot.flush.synced',
  'snapshot.remove.unrecorded',
  'snapshot.remove.trashed',
  'gc.unrecorded',
  'gc.unlinked',
] as const;

export type Failpoint = (typeof failpoints)[number] | (typeof storeFailpoints)[number];

const [armed, token = ''] = (process.env['TSCONTAINER_FAILPOINT'] ?? '').split('@');

export function failpoint(name: Failpoint): void {
  if (armed === name) fall();
}

function fall(): void {
  try {
    unlinkSync(token);
  } catch {
    return; // another process has fallen there already: once is enough
  }
  process.kill(process.pid, 'SIGKILL');
  // the signal comes with the next return from the kernel; nothing of ours may run meanwhile
  for (;;) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1000);
}
