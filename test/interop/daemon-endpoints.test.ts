// What stands beside the services: prometheus metrics under the real containerd's names, reflection, health.
import { createServer } from 'node:net';
import { loadService } from '@tscontainer/platform/contract-loader';
import { GrpcConnection } from '@tscontainer/platform/grpc-client';
import protobuf from 'protobufjs';
import * as descriptor from 'protobufjs/ext/descriptor/index.js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { LifecycleDaemon } from '../harness/lifecycle-daemon.ts';

/** A port that is free now. */
function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });
}

async function startWithMetrics(isReal: boolean): Promise<{ daemon: LifecycleDaemon; url: string }> {
  const port = await freePort();
  const config = `[metrics]\naddress = "127.0.0.1:${port}"\ngrpc_histogram = true\n`;
  const daemon = new LifecycleDaemon({ isReal, config });
  await daemon.start();
  return { daemon, url: `http://127.0.0.1:${port}/v1/metrics` };
}

const scrape = async (url: string) => (await fetch(url)).text();
const namesIn = (text: string) => new Set([...text.matchAll(/^([a-z_0-9]+)(?:\{| )/gm)].map(([, name]) => name ?? ''));

let ours: Awaited<ReturnType<typeof startWithMetrics>>;
let real: Awaited<ReturnType<typeof startWithMetrics>>;
beforeAll(async () => {
  ours = await startWithMetrics(false);
  real = await startWithMetrics(true);
});
afterAll(async () => {
  await ours?.daemon.stop();
  await real?.daemon.stop();
});

/** Of Go's runtime, of CRI, of the prometheus library itself. */
const notOurs = /^(go_|containerd_cri_|promhttp_|process_virtual_memory_max)/;

describe('the metrics endpoint', () => {
  it('has the names that the real one has, with a container running', async () => {
    await ours.daemon.client('io.containerd.ts.v2').run('m', ['/bin/sleep', '100']);
    await real.daemon.client('io.containerd.runc.v2').run('m', ['/bin/sleep', '100']);
    const wanted = [...namesIn(await scrape(real.url))].filter((name) => !notOurs.test(name));
    expect(wanted.length).toBeGreaterThan(50);
    const found = namesIn(await scrape(ours.url));
    expect(wanted.filter((name) => !found.has(name))).toEqual([]);
    const text = await scrape(ours.url);
    const { namespace } = ours.daemon;
    expect(text).toContain(
      `container_pids_current{container_id="m",namespace="${namespace}",runtime="io.containerd.ts.v2"} 1`,
    );
    const usage = /^container_memory_usage_usage_bytes\{container_id="m".*\} (\d+)$/m.exec(text);
    expect(Number(usage?.[1])).toBeGreaterThan(4096);
  });

  it('counts each call by method and code', async () => {
    const labels = 'grpc_method="Get",grpc_service="containerd.services.tasks.v1.Tasks",grpc_type="unary"';
    const handled = async (code: string) =>
      Number(
        new RegExp(`^grpc_server_handled_total\\{grpc_code="${code}",${labels}\\} (\\d+)$`, 'm').exec(
          await scrape(ours.url),
        )?.[1],
      );
    const before = await handled('NotFound');
    const client = ours.daemon.client('io.containerd.ts.v2');
    await expect(client.tasks('Get', { containerId: 'nobody' })).rejects.toMatchObject({ code: 'not-found' });
    expect(await handled('NotFound')).toBe(before + 1);
    const { status } = await fetch(ours.url.replace('/v1/metrics', '/metrics'));
    expect(status).toBe(404);
  });
});

describe.each(['v1', 'v1alpha'])('reflection %s', (version) => {
  const service = loadService(
    `grpc/reflection/${version}/reflection.proto`,
    `grpc.reflection.${version}.ServerReflection`,
  );

  async function ask(question: object): Promise<any> {
    const connection = new GrpcConnection(ours.daemon.address);
    try {
      const call = connection.duplex<object, any>(service, 'ServerReflectionInfo');
      await call.write({ host: 'here', ...question });
      call.end();
      for await (const answer of call) return answer;
    } finally {
      connection.close();
    }
  }

  it('lists every service', async () => {
    const { listServicesResponse } = await ask({ listServices: '*' });
    const names = listServicesResponse.service.map(({ name }: { name: string }) => name);
    for (const name of ['tasks', 'content', 'containers', 'leases'])
      expect(names.some((full: string) => full.startsWith(`containerd.services.${name}.v1.`))).toBe(true);
    expect(names).toContain(`grpc.reflection.${version}.ServerReflection`);
    expect(names).toContain('grpc.health.v1.Health');
  });

  it('gives descriptors from which a client can call, imports and all', async () => {
    const { fileDescriptorResponse } = await ask({ fileContainingSymbol: 'containerd.services.tasks.v1.Tasks.Create' });
    const files = fileDescriptorResponse.fileDescriptorProto.map((bytes: Buffer) =>
      descriptor.FileDescriptorProto.toObject(descriptor.FileDescriptorProto.decode(bytes)),
    );
    expect(files[0].name).toBe('containerd/services/tasks/v1/tasks.proto');
    const known = new Set(files.map(({ name }: { name: string }) => name));
    for (const { dependency = [] } of files) for (const name of dependency) expect(known).toContain(name);
    const root = (protobuf.Root as any).fromDescriptor({ file: files }) as protobuf.Root;
    root.resolveAll();
    const request = root.lookupType('containerd.services.tasks.v1.CreateTaskRequest');
    const encoded = request.encode(request.fromObject({ [request.fieldsById[1]?.name ?? '']: 'abc' })).finish();
    expect(Buffer.from(encoded).toString()).toContain('abc');
    expect(root.lookupService('containerd.services.tasks.v1.Tasks').methodsArray).toHaveLength(17);
  });

  it('says what it does not know', async () => {
    expect((await ask({ fileContainingSymbol: 'no.such.Thing' })).errorResponse).toMatchObject({ errorCode: 5 });
    expect((await ask({ fileByFilename: 'no/such.proto' })).errorResponse).toMatchObject({ errorCode: 5 });
  });
});

describe('health', () => {
  it('answers as the real one does', async () => {
    const health = loadService('grpc/health/v1/health.proto', 'grpc.health.v1.Health');
    const answers = await Promise.all(
      [ours, real].map(async ({ daemon }) => {
        const connection = new GrpcConnection(daemon.address);
        try {
          const call = (name: string) =>
            connection.unary(health, 'Check', { service: name }).catch(({ code }: { code: string }) => code);
          return [await call(''), await call('containerd.services.tasks.v1.Tasks')];
        } finally {
          connection.close();
        }
      }),
    );
    expect(answers[0]).toEqual(answers[1]);
  });
});
