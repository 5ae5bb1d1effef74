// kill -9 of tscontainerd amid writes: what it said was done is there after the restart, and nothing besides it.
import { createHash, randomBytes } from 'node:crypto';
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { loadService } from '@tscontainer/platform/contract-loader';
import { GrpcConnection } from '@tscontainer/platform/grpc-client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { run } from '../harness/command.ts';
import { LifecycleDaemon } from '../harness/lifecycle-daemon.ts';
import { binDirectory } from '../harness/repository.ts';

const daemon = new LifecycleDaemon();
const namespace = 'chaos';
const gcRoot = { 'containerd.io/gc.root': 'test' };
const service = (name: string, title: string) =>
  loadService(`containerd/services/${name}/v1/${name}.proto`, `containerd.services.${name}.v1.${title}`);
const snapshots = service('snapshots', 'Snapshots');
const containers = service('containers', 'Containers');
const content = service('content', 'Content');

beforeAll(() => daemon.start());
afterAll(() => daemon.stop());

/** What the daemon acknowledged. */
interface Acknowledged {
  layers: string[];
  containers: string[];
  digests: string[];
}

/** Three writers go on until the connection breaks. */
async function writeUntilBroken(connection: GrpcConnection, round: number, done: Acknowledged): Promise<void> {
  const call = (definition: typeof snapshots, method: string, request: object) =>
    connection.unary<object, any>(definition, method, request, { namespace });
  const forever = async (step: (index: number) => Promise<void>) => {
    for (let index = 0; ; index += 1) await step(index);
  };
  const layers = forever(async (index) => {
    const [key, name] = [`k-${round}-${index}`, `l-${round}-${index}`];
    await call(snapshots, 'Prepare', { snapshotter: 'overlayfs', key, labels: gcRoot });
    await call(snapshots, 'Commit', { snapshotter: 'overlayfs', key, name, labels: gcRoot });
    done.layers.push(name);
  });
  const records = forever(async (index) => {
    const id = `c-${round}-${index}`;
    await call(containers, 'Create', {
      container: { id, runtime: { name: 'r' }, spec: { typeUrl: 's', value: Buffer.alloc(4000) } },
    });
    done.containers.push(id);
  });
  const blobs = forever(async (index) => {
    const data = randomBytes(100_000);
    const digest = `sha256:${createHash('sha256').update(data).digest('hex')}`;
    const duplex = connection.duplex<object, any>(content, 'Write', { namespace });
    duplex
      .write({
        action: 'COMMIT',
        ref: `r-${round}-${index}`,
        total: data.length,
        expected: digest,
        data,
        labels: gcRoot,
      })
      .catch(() => undefined); // the answers below tell
    duplex.end();
    for await (const { action } of duplex) if (action === 'COMMIT') done.digests.push(digest);
  });
  await Promise.allSettled([layers, records, blobs]);
}

const entries = (path: string) => readdirSync(join(daemon.directory, 'root', path));

describe('a daemon killed amid writes', () => {
  it('has after the restart all that it acknowledged, and no file besides, four times over', async () => {
    const done: Acknowledged = { layers: [], containers: [], digests: [] };
    for (let round = 0; round < 4; round += 1) {
      const connection = new GrpcConnection(daemon.address);
      const writing = writeUntilBroken(connection, round, done);
      await delay(300 + round * 37);
      await daemon.kill();
      await writing;
      connection.close();
      await daemon.start();
    }
    // a commit of a layer flushes its file system, which others write to as well: few may get done
    expect(Math.min(done.layers.length, done.containers.length, done.digests.length)).toBeGreaterThanOrEqual(1);

    const connection = new GrpcConnection(daemon.address);
    const collect = async (definition: typeof snapshots, method: string, request: object) => {
      const messages: any[] = [];
      for await (const message of connection.stream<object, any>(definition, method, request, { namespace }))
        messages.push(message);
      return messages;
    };
    const infos = (await collect(snapshots, 'List', { snapshotter: 'overlayfs' })).flatMap(({ info }) => info);
    const kept = new Set(infos.map(({ name }) => name));
    expect(done.layers.filter((name) => !kept.has(name))).toEqual([]);
    // up to 8 directories are made ahead of their snapshots
    const spare = entries('io.containerd.snapshotter.v1.overlayfs/snapshots').length - infos.length;
    expect([spare >= 0, spare <= 8, entries('io.containerd.snapshotter.v1.overlayfs/trash')]).toEqual([true, true, []]);
    const records = new Set((await collect(containers, 'ListStream', {})).map(({ container }) => container.id));
    expect(done.containers.filter((id) => !records.has(id))).toEqual([]);
    const blobs = (await collect(content, 'List', {})).flatMap(({ info }) => info);
    const digests = new Set(blobs.map(({ digest }) => digest));
    expect(done.digests.filter((digest) => !digests.has(digest))).toEqual([]);
    const files = entries('io.containerd.content.v1.content/blobs/sha256').map((hex) => `sha256:${hex}`);
    expect(files.sort()).toEqual([...digests].sort());
    connection.close();
  });

  it('is refused the root of a living one, and takes over the socket of a dead one', async () => {
    const second = [
      '--root',
      join(daemon.directory, 'root'),
      '--state',
      join(daemon.directory, 'state2'),
      '--address',
      `${daemon.address}2`,
    ];
    const { code, stderr } = await run(join(binDirectory, 'tscontainerd'), second);
    expect(code).toBe(1);
    expect(stderr).toContain(`lock root ${join(daemon.directory, 'root')}: another daemon uses it`);
    const elsewhere = [
      '--root',
      join(daemon.directory, 'root3'),
      '--state',
      join(daemon.directory, 'state3'),
      '--address',
      daemon.address,
    ];
    expect((await run(join(binDirectory, 'tscontainerd'), elsewhere)).stderr).toContain(
      `listen on ${daemon.address}: another process listens there`,
    );
    await daemon.kill();
    expect(statSync(daemon.address).isSocket()).toBe(true);
    await daemon.start();
    expect(statSync(daemon.address).mode & 0o777).toBe(0o660);
  });
});
