// Holds what a pull, load or tag makes until the image refers to it, and views that are looked at: one lease per operation,
// gone at its end.
import { randomHex } from '@tscontainer/core/ids';
import type { ContainerdClient } from '../containerd/containerd-client.ts';

const purposes = ['build', 'changes', 'commit', 'import', 'load', 'pull', 'push', 'tag', 'unpack'] as const;

/** Should the engine die and not come back, containerd ends the lease after this. */
const leaseLifeMs = 24 * 3600_000;

/**
 * Runs `work` under a new lease. When it fails, the lease goes synchronously: what it alone held is collected before
 * the error is reported, so nothing is left behind.
 */
export async function withLease<T>(
  client: ContainerdClient,
  purpose: (typeof purposes)[number],
  work: (lease: string) => Promise<T>,
): Promise<T> {
  const id = `tscontainer-${purpose}-${randomHex(8)}`;
  const expire = new Date(Date.now() + leaseLifeMs).toISOString().replace(/\.\d+Z$/, 'Z');
  await client.leases.Create({ id, labels: { 'containerd.io/gc.expire': expire } });
  try {
    const result = await work(id);
    await client.leases.Delete({ id });
    return result;
  } catch (error) {
    await client.leases.Delete({ id, sync: true }).catch(() => undefined); // the first failure is the one to report; the lease expires
    throw error;
  }
}

/** Ends the leases that a killed engine left, so that what it was making goes. Those made since `before` are in use. */
export async function dropStaleLeases(client: ContainerdClient, before: Date): Promise<void> {
  const { leases } = await client.leases.List({ filters: purposes.map((purpose) => `id~=^tscontainer-${purpose}-`) });
  for (const { id, createdAt } of leases) {
    if (createdAt !== null && createdAt.seconds * 1000 >= before.getTime()) continue;
    await client.leases.Delete({ id });
  }
}
