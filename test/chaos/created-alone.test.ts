// A container that create has answered, while the lifecycle daemon did not: killed, removed and looked at in between.
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { until } from '../harness/command.ts';
import { busyboxArchive } from '../harness/images.ts';
import { leaksBetween, type MachineSnapshot, snapshotMachine } from '../harness/leak-check.ts';
import { type Stack, startStack } from '../harness/stack.ts';

let before: MachineSnapshot;
let stack: Stack;

beforeAll(async () => {
  const archive = await busyboxArchive();
  before = snapshotMachine();
  stack = await startStack();
  expect((await stack.tsctl(['load', '-q', '-i', archive])).code).toBe(0);
});

// the first create of an image in an engine's life reads its users, and waits for the snapshot
beforeEach(async () => {
  expect((await stack.tsctl(['run', '--rm', '--network', 'none', 'busybox', 'true'])).code).toBe(0);
});

afterAll(async () => {
  await stack?.stop();
  expect(leaksBetween(before, snapshotMachine())).toEqual([]);
});

function signalDaemon(signal: NodeJS.Signals): void {
  for (const pid of stack.pids('tscontainerd')) process.kill(pid, signal);
}

async function create(Cmd: string[]): Promise<string> {
  const HostConfig = { NetworkMode: 'none' };
  const created = await stack.api('POST', '/containers/create', { Image: 'busybox', Cmd, HostConfig });
  expect(created.status, JSON.stringify(created.body)).toBe(201);
  return created.body.Id;
}

async function runToEnd(id: string): Promise<number> {
  const started = await stack.api('POST', `/containers/${id}/start`);
  expect(started.status, JSON.stringify(started.body)).toBe(204);
  return (await stack.api('POST', `/containers/${id}/wait`)).body.StatusCode;
}

const snapshots = () =>
  readdirSync(join(stack.directory, 'data/containerd/io.containerd.snapshotter.v1.overlayfs/snapshots')).length;

describe('a container that only the engine knows', () => {
  it('is there after both daemons were killed, and runs', async () => {
    signalDaemon('SIGSTOP');
    const id = await create(['sh', '-c', 'exit 7']);
    await stack.kill('tsengined');
    await stack.kill('tscontainerd');
    await stack.startEngine();
    expect((await stack.api('GET', `/containers/${id}/json`)).body.State.Status).toBe('created');
    expect(await runToEnd(id)).toBe(7);
    expect((await stack.api('DELETE', `/containers/${id}`)).status).toBe(204);
  });

  it('waits for the daemon where its files are needed', async () => {
    signalDaemon('SIGSTOP');
    const id = await create(['true']);
    const exported = stack.api('GET', `/containers/${id}/export`);
    setTimeout(() => signalDaemon('SIGCONT'), 100);
    expect((await exported).status).toBe(200);
    expect(await runToEnd(id)).toBe(0);
    expect((await stack.api('DELETE', `/containers/${id}`)).status).toBe(204);
  });

  it('leaves nothing when it is removed before the daemon has answered', async () => {
    await new Promise((resolve) => setTimeout(resolve, 300)); // what the container before has left goes meanwhile
    const count = snapshots();
    signalDaemon('SIGSTOP');
    const id = await create(['true']);
    expect((await stack.api('DELETE', `/containers/${id}`)).status).toBe(204);
    signalDaemon('SIGCONT');
    const { body } = await stack.api('GET', '/containers/json?all=1');
    expect(body).toEqual([]);
    // made, then taken away: it must not outlive the removal
    await new Promise((resolve) => setTimeout(resolve, 300));
    await until('its snapshot gone', 5000, () => (snapshots() <= count ? true : undefined));
  });
});
