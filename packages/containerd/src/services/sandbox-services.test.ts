// Sandboxes through the served API: records with masks and filters, and a life from create to shutdown.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TemporaryDaemon } from '../fixture/temporary-daemon.ts';

let daemon: TemporaryDaemon;
beforeAll(async () => {
  daemon = await TemporaryDaemon.start();
});
afterAll(() => daemon.close());

const store = (method: string, request: object) => daemon.call(`sandbox.Store/${method}`, request);
const controller = (method: string, request: object) => daemon.call(`sandbox.Controller/${method}`, request);
const runtime = { name: 'io.containerd.ts.v2' };

describe('sandbox.v1.Store', () => {
  it('keeps records, changes what the fields name, and finds them by filters', async () => {
    const extensions = { a: { typeUrl: 'x', value: Buffer.from('1') } };
    const sandbox = { sandboxId: 's1', runtime, labels: { k: 'v', l: 'w' }, extensions, sandboxer: 'shim' };
    expect((await store('Create', { sandbox })).sandbox).toMatchObject({ sandboxId: 's1', labels: { k: 'v', l: 'w' } });
    await expect(store('Create', { sandbox })).rejects.toMatchObject({ code: 'already-exists' });
    await expect(store('Create', { sandbox: { ...sandbox, sandboxId: '../x' } })).rejects.toMatchObject({
      code: 'invalid-argument',
    });
    const change = { sandbox: { sandboxId: 's1', labels: { k: 'new' } }, fields: ['labels.k', 'extensions.a'] };
    expect((await store('Update', change)).sandbox).toMatchObject({ labels: { k: 'new', l: 'w' }, extensions: {} });
    await expect(store('Update', { ...change, fields: ['sandboxer'] })).rejects.toMatchObject({
      code: 'invalid-argument',
    });
    const found = async (filter: string) => (await store('List', { filters: [filter] })).list.length;
    expect([await found('labels.k==new'), await found('id==s2'), await found('sandboxer==shim')]).toEqual([1, 0, 1]);
    await store('Delete', { sandboxId: 's1' });
    await expect(store('Get', { sandboxId: 's1' })).rejects.toMatchObject({ code: 'not-found' });
    await expect(store('Delete', { sandboxId: 's1' })).rejects.toMatchObject({ code: 'not-found' });
  });
});

describe('sandbox.v1.Controller', () => {
  it('creates, starts, tells of, stops and shuts down a sandbox', async () => {
    const sandboxId = 'pod';
    await controller('Create', { sandboxId, netnsPath: '/run/netns/pod', sandbox: { sandboxId, runtime } });
    await expect(controller('Create', { sandboxId })).rejects.toMatchObject({ code: 'already-exists' });
    expect((await controller('Status', { sandboxId })).state).toBe('SANDBOX_NOTREADY');
    expect((await controller('Start', { sandboxId })).pid).toBe(process.pid);
    await expect(controller('Start', { sandboxId })).rejects.toMatchObject({ code: 'failed-precondition' });
    expect(await controller('Status', { sandboxId, verbose: true })).toMatchObject({
      state: 'SANDBOX_READY',
      info: { netnsPath: '/run/netns/pod' },
    });
    expect((await controller('Platform', { sandboxId })).platform.os).toBe('linux');
    const waiting = controller('Wait', { sandboxId });
    await controller('Stop', { sandboxId, timeoutSecs: 1 });
    expect((await waiting).exitedAt.seconds).toBeGreaterThan(0);
    await controller('Shutdown', { sandboxId });
    await controller('Shutdown', { sandboxId });
    await expect(controller('Status', { sandboxId })).rejects.toMatchObject({ code: 'not-found' });
  });

  it('says what it has not', async () => {
    const foreign = { sandboxId: 'f', sandbox: { sandboxId: 'f', runtime: { name: 'io.containerd.runc.v2' } } };
    await expect(controller('Create', foreign)).rejects.toMatchObject({ code: 'unimplemented' });
    await expect(controller('Start', { sandboxId: 'x', sandboxer: 'podsandbox' })).rejects.toMatchObject({
      code: 'not-found',
    });
    await expect(controller('Update', { sandboxId: 'x' })).rejects.toMatchObject({ code: 'unimplemented' });
    await expect(controller('Status', { sandboxId: '../../etc' })).rejects.toMatchObject({ code: 'invalid-argument' });
  });
});
