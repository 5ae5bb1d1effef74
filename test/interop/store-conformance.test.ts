// One suite of what clients rely on in a content store and a snapshotter, run on tscontainerd and on Debian's containerd.
import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { loadService } from '@tscontainer/platform/contract-loader';
import { GrpcConnection } from '@tscontainer/platform/grpc-client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runOk } from '../harness/command.ts';
import { LifecycleDaemon } from '../harness/lifecycle-daemon.ts';

interface Mount {
  type: string;
  source: string;
  options: string[];
}

const nameOf = (service: string) => `${service[0]?.toUpperCase()}${service.slice(1)}`;
const definitionOf = (service: string) =>
  loadService(
    `containerd/services/${service}/v1/${service}.proto`,
    `containerd.services.${service}.v1.${nameOf(service)}`,
  );
const digestOf = (text: string) => `sha256:${createHash('sha256').update(text).digest('hex')}`;
const gcRoot = { 'containerd.io/gc.root': '2020-01-01T00:00:00Z' };
const namespace = 'conformance';

describe.each([
  { who: 'tscontainerd', isReal: false },
  { who: "Debian's containerd", isReal: true },
])('$who', ({ isReal }) => {
  const daemon = new LifecycleDaemon({ isReal });
  let connection: GrpcConnection;

  beforeAll(async () => {
    await daemon.start();
    connection = new GrpcConnection(daemon.address);
  });
  afterAll(async () => {
    connection?.close();
    await daemon.stop();
  });

  const call = (path: string, request: object, options = {}): Promise<any> => {
    const [service = '', method = ''] = path.split('/');
    return connection.unary<object, any>(definitionOf(service), method, request, { namespace, ...options });
  };

  async function collect(path: string, request: object): Promise<any[]> {
    const [service = '', method = ''] = path.split('/');
    const messages: any[] = [];
    for await (const message of connection.stream<object, any>(definitionOf(service), method, request, { namespace })) {
      messages.push(message);
    }
    return messages;
  }

  async function write(requests: object[]): Promise<any[]> {
    const duplex = connection.duplex<object, any>(definitionOf('content'), 'Write', { namespace });
    const answers: any[] = [];
    const reading = (async () => {
      for await (const answer of duplex) answers.push(answer);
    })();
    for (const request of requests) await duplex.write(request).catch(() => undefined); // the reading end says why
    duplex.end();
    await reading;
    return answers;
  }

  const put = (text: string, labels: object = gcRoot) =>
    write([
      {
        action: 'COMMIT',
        ref: `put-${text}`,
        total: text.length,
        expected: digestOf(text),
        data: Buffer.from(text),
        labels,
      },
    ]);

  describe('content', () => {
    it('is written in steps, each answered with the offset', async () => {
      const answers = await write([
        { action: 'STAT', ref: 'steps', total: 6 },
        { action: 'WRITE', offset: 0, data: Buffer.from('abc') },
        { action: 'WRITE', offset: 3, data: Buffer.from('def') },
        { action: 'COMMIT', offset: 6, total: 6, expected: digestOf('abcdef'), labels: gcRoot },
      ]);
      // containerd 1.6 says COMMIT twice
      expect(answers.slice(0, 4).map(({ action, offset }) => [action, offset])).toEqual([
        ['STAT', 0],
        ['WRITE', 3],
        ['WRITE', 6],
        ['COMMIT', 6],
      ]);
      expect(answers[3].digest).toBe(digestOf('abcdef'));
      const { info } = await call('content/Info', { digest: digestOf('abcdef') });
      expect(info).toMatchObject({ digest: digestOf('abcdef'), size: 6, labels: gcRoot });
    });

    it('is read from any offset', async () => {
      await put('0123456789');
      const digest = digestOf('0123456789');
      const read = async (offset: number, size: number) =>
        Buffer.concat((await collect('content/Read', { digest, offset, size })).map(({ data }) => data)).toString();
      expect(await read(0, 0)).toBe('0123456789');
      expect(await read(3, 4)).toBe('3456');
      await expect(read(11, 0)).rejects.toMatchObject({ code: 'out-of-range' });
    });

    it('that is there already is refused', async () => {
      await put('twice');
      await expect(put('twice')).rejects.toMatchObject({ code: 'already-exists' });
    });

    it.each([
      [
        'a digest that differs',
        'failed-precondition',
        { action: 'COMMIT', total: 1, expected: digestOf('other'), data: Buffer.from('x') },
      ],
      ['a size that differs', 'failed-precondition', { action: 'COMMIT', total: 9, data: Buffer.from('x') }],
      ['a gap', 'out-of-range', { action: 'WRITE', offset: 5, data: Buffer.from('x') }],
    ])('refuses %s', async (what, code, request) => {
      await expect(write([{ ref: what, ...request }])).rejects.toMatchObject({ code });
      await call('content/Abort', { ref: what });
    });

    it('that was left half-way is resumed under its ref', async () => {
      await write([{ action: 'WRITE', ref: 'half', total: 4, data: Buffer.from('ab') }]);
      expect((await call('content/Status', { ref: 'half' })).status).toMatchObject({
        ref: 'half',
        offset: 2,
        total: 4,
      });
      expect((await call('content/ListStatuses', {})).statuses.map(({ ref }: { ref: string }) => ref)).toEqual([
        'half',
      ]);
      await write([
        { action: 'COMMIT', ref: 'half', offset: 2, data: Buffer.from('cd'), total: 4, expected: digestOf('abcd') },
      ]);
      await expect(call('content/Status', { ref: 'half' })).rejects.toMatchObject({ code: 'not-found' });
    });

    it('has labels that a mask changes, and that filters find', async () => {
      await put('labelled', { ...gcRoot, a: '1' });
      const digest = digestOf('labelled');
      await call('content/Update', { info: { digest, labels: { b: '2' } }, updateMask: { paths: ['labels.b'] } });
      const found = await collect('content/List', { filters: ['labels.b==2'] });
      expect(found.flatMap(({ info }) => info)).toMatchObject([{ digest, labels: { ...gcRoot, a: '1', b: '2' } }]);
    });

    it('is gone once it is deleted', async () => {
      await put('gone');
      await call('content/Delete', { digest: digestOf('gone') });
      await expect(call('content/Info', { digest: digestOf('gone') })).rejects.toMatchObject({ code: 'not-found' });
      await expect(call('content/Delete', { digest: digestOf('gone') })).rejects.toMatchObject({ code: 'not-found' });
    });
  });

  describe.each(['overlayfs', 'native'])('snapshots of %s', (snapshotter) => {
    const isOverlay = snapshotter === 'overlayfs';
    const snapshot = (method: string, request: object): Promise<any> =>
      call(`snapshots/${method}`, { snapshotter, ...request });
    const prepare = async (key: string, parent = ''): Promise<Mount[]> =>
      (await snapshot('Prepare', { key, parent, labels: gcRoot })).mounts;

    async function mounted<T>(mounts: Mount[], work: (directory: string) => T): Promise<T> {
      const directory = mkdtempSync('/tmp/tsc-mnt-');
      for (const { type, source, options } of mounts) {
        await runOk('mount', [...(type === 'bind' ? [] : ['-t', type]), '-o', options.join(), source, directory]);
      }
      try {
        return work(directory);
      } finally {
        for (const _ of mounts) await runOk('umount', [directory]);
        rmSync(directory, { recursive: true });
      }
    }

    async function layer(name: string, parent = ''): Promise<void> {
      await mounted(await prepare(`making-${name}`, parent), (directory) => writeFileSync(join(directory, name), name));
      await snapshot('Commit', { key: `making-${name}`, name, labels: gcRoot });
    }

    it('stack, and a write goes to the uppermost only', async () => {
      await layer('s1');
      await layer('s2', 's1');
      await mounted(await prepare('s-top', 's2'), (directory) => {
        expect(readdirSync(directory).sort()).toEqual(['s1', 's2']);
        writeFileSync(join(directory, 's1'), 'changed');
      });
      const { mounts } = await snapshot('View', { key: 's-view', parent: 's2', labels: gcRoot });
      await mounted(mounts, (directory) => expect(readFileSync(join(directory, 's1'), 'utf8')).toBe('s1'));
    });

    it.runIf(isOverlay)('answer binds for a single layer and an overlay above', async () => {
      expect(await prepare('b-base')).toMatchObject([{ type: 'bind', options: ['rw', 'rbind'] }]);
      await snapshot('Commit', { key: 'b-base', name: 'b1', labels: gcRoot });
      const { mounts } = await snapshot('View', { key: 'b-view', parent: 'b1', labels: gcRoot });
      expect(mounts).toMatchObject([{ type: 'bind', options: ['ro', 'rbind'] }]);
      const [overlay] = await prepare('b-top', 'b1');
      expect(overlay).toMatchObject({ type: 'overlay', source: 'overlay' });
      const names = overlay?.options.map((option) => option.split('=')[0]).filter((name) => name !== 'index');
      expect(names?.sort()).toEqual(['lowerdir', 'upperdir', 'workdir']);
      expect((await snapshot('Mounts', { key: 'b-top' })).mounts).toEqual([
        expect.objectContaining({ options: overlay?.options }),
      ]);
    });

    it.runIf(!isOverlay)('are directories of their own', async () => {
      await layer('n1');
      const [bind] = await prepare('n-top', 'n1');
      expect(bind).toMatchObject({ type: 'bind', options: expect.arrayContaining(['rbind', 'rw']) });
      expect(readdirSync(bind?.source ?? '')).toEqual(['n1']);
      const { mounts } = await snapshot('View', { key: 'n-view', parent: 'n1', labels: gcRoot });
      expect(mounts[0].options).toContain('ro');
    });

    it('tell what they are', async () => {
      await layer('i1');
      await prepare('i-top', 'i1');
      expect((await snapshot('Stat', { key: 'i1' })).info).toMatchObject({ name: 'i1', kind: 'COMMITTED', parent: '' });
      expect((await snapshot('Stat', { key: 'i-top' })).info).toMatchObject({
        name: 'i-top',
        kind: 'ACTIVE',
        parent: 'i1',
      });
      const listed = (await collect('snapshots/List', { snapshotter, filters: ['name==i1'] })).flatMap(
        ({ info }) => info,
      );
      expect(listed.map(({ name }) => name)).toEqual(['i1']);
      expect((await snapshot('Usage', { key: 'i1' })).inodes).toBe(2);
      const { info } = await snapshot('Update', {
        info: { name: 'i-top', labels: { x: 'y' } },
        updateMask: { paths: ['labels.x'] },
      });
      expect(info.labels).toEqual({ ...gcRoot, x: 'y' });
    });

    it('refuse wrong uses', async () => {
      await layer('r1');
      await prepare('r-top', 'r1');
      const refused = (answer: Promise<unknown>, code: string) => expect(answer).rejects.toMatchObject({ code });
      await refused(prepare('r-top', 'r1'), 'already-exists');
      await refused(prepare('r-x', 'none'), 'not-found');
      await refused(
        snapshot('Prepare', { key: 'r-x', labels: { 'containerd.io/snapshot.ref': 'r1' } }),
        'already-exists',
      );
      await refused(snapshot('Commit', { key: 'r-top', name: 'r1' }), 'already-exists');
      await refused(snapshot('Remove', { key: 'r1' }), 'failed-precondition');
      await refused(snapshot('Remove', { key: 'none' }), 'not-found');
      await refused(snapshot('Stat', { key: 'none' }), 'not-found');
      await refused(call('snapshots/Stat', { snapshotter, key: 'r1' }, { namespace: 'other' }), 'not-found');
      await refused(call('snapshots/Stat', { snapshotter: 'none', key: 'r1' }), 'invalid-argument');
    });

    it('are removed, children first', async () => {
      await layer('d1');
      await prepare('d-top', 'd1');
      await snapshot('Remove', { key: 'd-top' });
      await snapshot('Remove', { key: 'd1' });
      await expect(snapshot('Stat', { key: 'd1' })).rejects.toMatchObject({ code: 'not-found' });
    });
  });

  it('says the same of a namespace that is missing, empty or in use', async () => {
    await expect(call('containers/List', {}, { namespace: undefined })).rejects.toMatchObject({
      code: 'failed-precondition',
    });
    await call('namespaces/Create', { namespace: { name: 'ns1', labels: { a: 'b' } } });
    expect((await call('namespaces/Get', { name: 'ns1' })).namespace).toEqual({ name: 'ns1', labels: { a: 'b' } });
    // dockerd asks for the labels of a namespace that nobody has made yet
    expect((await call('namespaces/Get', { name: 'none' })).namespace).toEqual({ name: 'none', labels: {} });
    await call('snapshots/Prepare', { snapshotter: 'overlayfs', key: 'k', labels: gcRoot }, { namespace: 'ns1' });
    await expect(call('namespaces/Delete', { name: 'ns1' })).rejects.toMatchObject({ code: 'failed-precondition' });
    await expect(call('namespaces/Delete', { name: 'none' })).rejects.toMatchObject({ code: 'not-found' });
  });
});
