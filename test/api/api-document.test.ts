// /openapi.json against the answers really given: every operation is called, and each answer held against the document.
import { once } from 'node:events';
import { createReadStream, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import { join } from 'node:path';
import { Validator } from '@seriousme/openapi-schema-validator';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AnswerSchemas, type ApiDocument, type WireAnswer } from '../harness/answer-schemas.ts';
import { contextArchive } from '../harness/build-context.ts';
import { runOk, until } from '../harness/command.ts';
import { busyboxArchive } from '../harness/images.ts';
import { startRegistry } from '../harness/registry.ts';
import { type Stack, startStack } from '../harness/stack.ts';

/** Docker's operations for one machine, by their names in Docker's description. ImageAttestations is of a newer API than 1.51. */
const singleNode = {
  Container:
    'ContainerList ContainerInspect ContainerTop ContainerLogs ContainerChanges ContainerExport ContainerStats ContainerAttachWebsocket ContainerArchiveInfo ContainerArchive PutContainerArchive ContainerCreate ContainerResize ContainerStart ContainerStop ContainerRestart ContainerKill ContainerUpdate ContainerRename ContainerPause ContainerUnpause ContainerAttach ContainerWait ContainerPrune ContainerDelete',
  Image:
    'ImageList ImageInspect ImageHistory ImageSearch ImageGet ImageGetAll ImageBuild ImageCreate ImagePush ImageTag ImagePrune ImageCommit ImageLoad ImageDelete ImageBuild BuildPrune',
  Network: 'NetworkList NetworkInspect NetworkDelete NetworkCreate NetworkConnect NetworkDisconnect NetworkPrune',
  Volume: 'VolumeList VolumeCreate VolumeInspect VolumeUpdate VolumeDelete VolumePrune',
  Exec: 'ContainerExec ExecStart ExecResize ExecInspect',
  System: 'SystemAuth SystemInfo SystemVersion SystemPing SystemPingHead SystemEvents SystemDataUsage',
  Distribution: 'DistributionInspect',
  Session: 'Session',
};

const registryPort = 5000;

/** Fields that none of these answers has, and why. */
const excused: [fields: RegExp, reason: string][] = [
  [/^BlockIoFigure\./, 'the control group of a short write may count nothing'],
  [/^ContainerWait(\.Error|Error\.Message)$/, 'waiting does not fail here'],
  [/^DeviceRequestBody\./, 'there is no device to request'],
  [/^(Throttled|Weighted)DeviceBody\./, 'there is no block device to throttle'],
  [/^EndpointIpamConfig\.(IPv6Address|LinkLocalIPs)$/, 'the network has IPv4 alone'],
  [/^HostConfig\.(Capabilities|KernelMemory|KernelMemoryTCP|StorageOpt)$/, 'refused, unless they say nothing'],
  [/^(ImageInspect\.Variant|Platform\.(variant|os\.version|os\.features))$/, 'the images are for this platform'],
  [/^MountBody\.ImageOptions$/, 'no image is mounted'],
  [/^SearchResult\./, 'a registry of Debian’s cannot be searched: test/interop/search.test.ts has one that can'],
];

let stack: Stack;
let scratch: string;
let stopRegistry: () => Promise<void>;
let document: ApiDocument;
let schemas: AnswerSchemas;

interface Call {
  body?: unknown;
  file?: string;
  bytes?: Buffer;
  headers?: Record<string, string>;
  /** Ends the answer after its first chunk: it has no end of its own. */
  isEndless?: boolean;
}

async function send(
  method: string,
  path: string,
  call: Call = {},
): Promise<WireAnswer & { headers: http.IncomingHttpHeaders }> {
  const payload = call.body === undefined ? call.bytes : Buffer.from(JSON.stringify(call.body));
  const type = call.body === undefined ? {} : { 'content-type': 'application/json' };
  const headers = { ...type, ...call.headers };
  const request = http.request({ socketPath: stack.socket, method, path, headers, agent: false });
  if (call.file === undefined) request.end(payload);
  else createReadStream(call.file).pipe(request);
  const [response] = (await once(request, 'response')) as [http.IncomingMessage];
  const chunks: Buffer[] = [];
  for await (const chunk of response) {
    chunks.push(chunk as Buffer);
    if (call.isEndless && Buffer.concat(chunks).includes('\n')) break;
  }
  return {
    status: response.statusCode ?? 0,
    contentType: String(response.headers['content-type'] ?? '').split(';')[0] ?? '',
    body: Buffer.concat(chunks),
    headers: response.headers,
  };
}

/** Calls an operation, expects the status, and holds the answer against the document. Returns its JSON, if it is JSON. */
async function call(id: string, status: number, method: string, path: string, options: Call = {}): Promise<any> {
  const answer = await send(method, `/v1.51${path}`, options);
  expect(`${answer.status} ${answer.status >= 400 ? answer.body : ''}`).toBe(
    `${status} ${status >= 400 ? answer.body : ''}`,
  );
  schemas.check(id, answer);
  if (answer.contentType !== 'application/json' || answer.body.length === 0) return answer;
  return JSON.parse(answer.body.toString().split('\n')[0] ?? '');
}

beforeAll(async () => {
  scratch = mkdtempSync('/tmp/tsc-document-');
  const configuration = join(scratch, 'daemon.json');
  writeFileSync(
    configuration,
    JSON.stringify({ runtimes: { named: { path: '/bin/true', runtimeArgs: ['--debug'] } } }),
  );
  stack = await startStack({ engineFlags: ['--config-file', configuration] });
  const registry = await startRegistry(stack.network, stack.directory, {
    port: registryPort,
    storage: join(stack.directory, 'registry'),
  });
  stopRegistry = () => registry.stop();
  document = JSON.parse((await send('GET', '/openapi.json')).body.toString()) as ApiDocument;
  schemas = new AnswerSchemas(document);
});
afterAll(async () => {
  await stopRegistry?.();
  await stack?.stop();
  rmSync(scratch, { recursive: true, force: true });
});

describe('the document', () => {
  it('is OpenAPI 3.1', async () => {
    const result = await new Validator().validate({ ...document });
    expect(result).toEqual({ valid: true });
  });

  it('has the operations for one machine', () => {
    const missing = Object.values(singleNode)
      .flatMap((names) => names.split(' '))
      .filter((name) => !schemas.operationIds.includes(name));
    expect(missing).toEqual([]);
  });

  it('is served with a version and without one', async () => {
    const { status, contentType, body } = await send('GET', '/v1.44/openapi.json');
    expect([status, contentType]).toEqual([200, 'application/json']);
    expect(JSON.parse(body.toString()).servers[0].url).toBe('/v1.44');
  });
});

describe('answers', () => {
  it('about the engine', async () => {
    await call('SystemPing', 200, 'GET', '/_ping');
    const head = await call('SystemPingHead', 200, 'HEAD', '/_ping');
    expect(head.headers['api-version']).toBe('1.51');
    await call('SystemVersion', 200, 'GET', '/version');
    await call('SystemInfo', 200, 'GET', '/info');
    await call('SystemApiDocument', 200, 'GET', '/openapi.json');
    await call('SystemAuth', 200, 'POST', '/auth', {
      body: { username: 'me', password: 'x', serveraddress: `127.0.0.1:${registryPort}` },
    });
    await call('SystemAuth', 400, 'POST', '/auth', { body: [] });
  });

  it('about images', async () => {
    const archive = await busyboxArchive();
    await call('ImageLoad', 200, 'POST', '/images/load?quiet=0', { file: archive });
    const name = `127.0.0.1:${registryPort}/team/box`;
    await call('ImageTag', 201, 'POST', `/images/busybox/tag?repo=${name}&tag=1`);
    await call('ImagePush', 200, 'POST', `/images/${name}/push?tag=1`, {
      headers: { 'x-registry-auth': Buffer.from('{}').toString('base64url') },
    });
    await call('DistributionInspect', 200, 'GET', `/distribution/${name}:1/json`);
    await call('DistributionInspect', 404, 'GET', `/distribution/${name}:none/json`);
    await call('ImageDelete', 200, 'DELETE', `/images/${name}:1`);
    await call('ImageCreate', 200, 'POST', `/images/create?fromImage=${name}&tag=1`);
    await call('ImageCreate', 404, 'POST', `/images/create?fromImage=${name}&tag=none`);
    await call('ImageList', 200, 'GET', '/images/json?shared-size=1');
    await call('ImageInspect', 200, 'GET', '/images/busybox/json');
    await call('ImageInspect', 404, 'GET', '/images/nosuch/json');
    await call('ImageHistory', 200, 'GET', '/images/busybox/history');
    await call('ImageGet', 200, 'GET', '/images/busybox/get');
    await call('ImageGetAll', 200, 'GET', '/images/get?names=busybox');
    await call('ImageSearch', 400, 'GET', '/images/search?term=busybox&limit=1000');
    const context = await contextArchive({ Dockerfile: 'FROM busybox\nENV a=b\nRUN exit 3\n' });
    await call('ImageBuild', 200, 'POST', '/build?networkmode=none', { file: context });
    await call('ImageBuild', 400, 'POST', '/build?version=2', { file: context });
    rmSync(context);
    await call('BuildPrune', 200, 'POST', '/build/prune');
    await call('BuildCancel', 200, 'POST', '/build/cancel?id=nosuch');
  });

  it('about networks', async () => {
    const { Id } = await call('NetworkCreate', 201, 'POST', '/networks/create', {
      body: {
        Name: 'net',
        Driver: 'bridge',
        IPAM: { Config: [{ Subnet: '10.77.0.0/24', IPRange: '10.77.0.0/25', AuxiliaryAddresses: { a: '10.77.0.5' } }] },
        Labels: { a: 'b' },
      },
    });
    await call('NetworkCreate', 409, 'POST', '/networks/create', { body: { Name: 'net' } });
    await call('NetworkList', 200, 'GET', '/networks');
    await call('NetworkInspect', 200, 'GET', `/networks/${Id}`);
    await call('NetworkInspect', 404, 'GET', '/networks/nosuch');
  });

  it('about volumes', async () => {
    await call('VolumeCreate', 201, 'POST', '/volumes/create', { body: { Name: 'vol', Labels: { a: 'b' } } });
    await call('VolumeList', 200, 'GET', '/volumes');
    await call('VolumeInspect', 200, 'GET', '/volumes/vol');
    await call('VolumeInspect', 404, 'GET', '/volumes/nosuch');
    await call('VolumeUpdate', 503, 'PUT', '/volumes/vol?version=1', { body: {} });
    await call('VolumeClone', 201, 'POST', '/volumes/vol/clone?name=copy&snapshot=1');
    await call('VolumeRename', 200, 'POST', '/volumes/copy/rename?name=other');
    await call('VolumeDelete', 204, 'DELETE', '/volumes/other');
  });

  it('about a container’s life', async () => {
    const body = {
      Image: 'busybox',
      Cmd: ['sh', '-c', 'echo out; echo err >&2; exec sleep 1000'],
      StopTimeout: 0,
      Healthcheck: { Test: ['CMD', 'true'], Interval: 1_000_000_000, Retries: 1 },
      ExposedPorts: { '80/tcp': {} },
      HostConfig: { PortBindings: { '80/tcp': [{ HostPort: '' }] }, Binds: ['vol:/vol'], Memory: 64 * 2 ** 20 },
      NetworkingConfig: { EndpointsConfig: { net: { Aliases: ['alias'] } } },
    };
    await call('ContainerCreate', 404, 'POST', '/containers/create', { body: { ...body, Image: 'nosuch' } });
    await call('ContainerCreate', 400, 'POST', '/containers/create', { body: { Image: 5 } });
    await call('ContainerCreate', 201, 'POST', '/containers/create?name=box', { body });
    await call('ContainerInspect', 200, 'GET', '/containers/box/json');
    await call('ContainerStart', 204, 'POST', '/containers/box/start');
    await call('ContainerStart', 304, 'POST', '/containers/box/start');
    await call('ContainerTop', 200, 'GET', '/containers/box/top');
    await call('ContainerList', 200, 'GET', '/containers/json?size=1');
    await call('ContainerInspect', 200, 'GET', '/containers/box/json?size=1');
    await call('NetworkInspect', 200, 'GET', '/networks/net');
    await call('ContainerStats', 200, 'GET', '/containers/box/stats?stream=0&one-shot=1');
    await call('ContainerStats', 200, 'GET', '/containers/box/stats', { isEndless: true });
    await call('ContainerLogs', 200, 'GET', '/containers/box/logs?stdout=1&stderr=1&timestamps=1');
    await call('ContainerLogs', 400, 'GET', '/containers/box/logs');
    await call('ContainerResize', 200, 'POST', '/containers/box/resize?h=10&w=10');
    await call('ContainerUpdate', 200, 'POST', '/containers/box/update', { body: { Memory: 128 * 2 ** 20 } });
    await call('ContainerPause', 204, 'POST', '/containers/box/pause');
    await call('ContainerPause', 409, 'POST', '/containers/box/pause');
    await call('ContainerUnpause', 204, 'POST', '/containers/box/unpause');
    await call('ContainerRename', 204, 'POST', '/containers/box/rename?name=box2');
    await call('ContainerRestart', 204, 'POST', '/containers/box2/restart?t=0');
    await call('NetworkDisconnect', 200, 'POST', '/networks/net/disconnect', { body: { Container: 'box2' } });
    await call('NetworkConnect', 200, 'POST', '/networks/net/connect', { body: { Container: 'box2' } });
    await call('SystemDataUsage', 200, 'GET', '/system/df');
    await call('SystemEvents', 200, 'GET', '/events?since=0', { isEndless: true });
  });

  it('about a container with every setting', async () => {
    const body = {
      Image: 'busybox',
      Cmd: ['sh', '-c', 'dd if=/dev/zero of=/written bs=1M count=4 conv=fsync; exec sleep 1000'],
      Shell: ['/bin/sh', '-c'],
      StopSignal: 'SIGUSR1',
      ArgsEscaped: false,
      NetworkDisabled: false,
      MacAddress: '02:42:0a:4d:00:09',
      Healthcheck: {
        ...{ Test: ['CMD', 'echo', 'well'], Interval: 50_000_000, Timeout: 1_000_000_000, Retries: 1 },
        ...{ StartPeriod: 1_000_000_000, StartInterval: 50_000_000 },
      },
      HostConfig: {
        NetworkMode: 'net',
        Annotations: { a: 'b' },
        Init: true,
        Sysctls: { 'net.ipv4.ip_default_ttl': '63' },
        Tmpfs: { '/t': 'size=1m' },
        PidsLimit: 100,
        Ulimits: [{ Name: 'nofile', Soft: 100, Hard: 100 }],
        Devices: [{ PathOnHost: '/dev/zero', PathInContainer: '/dev/other-zero', CgroupPermissions: 'r' }],
        Mounts: [
          { Type: 'tmpfs', Target: '/m', TmpfsOptions: { SizeBytes: 65_536 } },
          { Type: 'bind', Source: '/etc', Target: '/b', ReadOnly: true, BindOptions: { Propagation: 'rprivate' } },
          { Type: 'volume', Source: 'vol', Target: '/v', Consistency: 'default', VolumeOptions: { NoCopy: true } },
        ],
      },
      NetworkingConfig: { EndpointsConfig: { net: { IPAMConfig: { IPv4Address: '10.77.0.9' } } } },
    };
    await call('ContainerCreate', 201, 'POST', '/containers/create?name=full', { body });
    await call('ContainerStart', 204, 'POST', '/containers/full/start');
    await until('its health is known', 20_000, async () => {
      const { State } = await call('ContainerInspect', 200, 'GET', '/containers/full/json');
      return State.Health.Log.length > 0 ? true : undefined;
    });
    await call('ContainerStats', 200, 'GET', '/containers/full/stats?stream=0&one-shot=1');
    const { body: old } = await send('GET', '/v1.42/images/json');
    schemas.check('ImageList', { status: 200, contentType: 'application/json', body: old });
    const { body: oldImage } = await send('GET', '/v1.43/images/busybox/json');
    schemas.check('ImageInspect', { status: 200, contentType: 'application/json', body: oldImage });
    const now = Math.ceil(Date.now() / 1000);
    await call('SystemEvents', 200, 'GET', `/events?since=0&until=${now}`);
    await call('ContainerDelete', 204, 'DELETE', '/containers/full?force=1');
  });

  it('about its files', async () => {
    await call('ContainerArchiveInfo', 200, 'HEAD', '/containers/box2/archive?path=/etc');
    await call('ContainerArchive', 200, 'GET', '/containers/box2/archive?path=/etc');
    await call('ContainerArchive', 404, 'GET', '/containers/box2/archive?path=/nosuch');
    const tar = join(stack.directory, 'some.tar');
    await runOk('tar', ['-C', '/etc', '-cf', tar, 'hostname']);
    await call('PutContainerArchive', 200, 'PUT', '/containers/box2/archive?path=/tmp', { file: tar });
    await call('ContainerChanges', 200, 'GET', '/containers/box2/changes');
    await call('ContainerExport', 200, 'GET', '/containers/box2/export');
    await call('ImageCommit', 201, 'POST', '/commit?container=box2&repo=committed', { body: {} });
    await call('ImageInspect', 200, 'GET', '/images/committed/json');
  });

  it('about further processes', async () => {
    const { Id } = await call('ContainerExec', 201, 'POST', '/containers/box2/exec', {
      body: { Cmd: ['echo', 'hello'], AttachStdout: true },
    });
    const output = await call('ExecStart', 200, 'POST', `/exec/${Id}/start`, { body: {} });
    expect(output.body.toString()).toContain('hello');
    await call('ExecInspect', 200, 'GET', `/exec/${Id}/json`);
    const second = await call('ContainerExec', 201, 'POST', '/containers/box2/exec', {
      body: { Cmd: ['sleep', '100'], Tty: true, User: '0' },
    });
    await call('ExecStart', 200, 'POST', `/exec/${second.Id}/start`, { body: { Detach: true } });
    await call('ExecResize', 200, 'POST', `/exec/${second.Id}/resize?h=10&w=10`);
    await call('ExecInspect', 200, 'GET', `/exec/${second.Id}/json`);
    await call('ExecInspect', 404, 'GET', '/exec/nosuch/json');
  });

  it('when it is attached to, and ends', async () => {
    const waiting = call('ContainerWait', 200, 'POST', '/containers/box2/wait?condition=next-exit');
    const attached = call('ContainerAttach', 200, 'POST', '/containers/box2/attach?stream=1&stdout=1');
    await call('ContainerAttachWebsocket', 400, 'GET', '/containers/box2/attach/ws?stream=1');
    await new Promise((resolve) => setTimeout(resolve, 200)); // both have asked
    await call('ContainerKill', 204, 'POST', '/containers/box2/kill');
    expect(await waiting).toEqual({ StatusCode: 137 });
    await attached;
    await call('ContainerKill', 409, 'POST', '/containers/box2/kill');
    await call('ContainerStop', 304, 'POST', '/containers/box2/stop');
    await call('ContainerStart', 204, 'POST', '/containers/box2/start');
    await call('ContainerDelete', 409, 'DELETE', '/containers/box2');
    await call('ContainerStop', 204, 'POST', '/containers/box2/stop?t=0');
    await call('ContainerCreate', 201, 'POST', '/containers/create?name=other', { body: { Image: 'busybox' } });
    await call('ContainerDelete', 204, 'DELETE', '/containers/other');
    await call('ContainerDelete', 404, 'DELETE', '/containers/other');
    await call('ContainerPrune', 200, 'POST', '/containers/prune');
  });

  it('when all is cleared away', async () => {
    await call('VolumePrune', 200, 'POST', '/volumes/prune?filters={"all":["true"]}');
    await call('ImagePrune', 200, 'POST', '/images/prune?filters={"dangling":["false"]}');
    await call('NetworkDelete', 204, 'DELETE', '/networks/net');
    await call('NetworkPrune', 200, 'POST', '/networks/prune');
  });

  it('of what it refuses', async () => {
    await call('PluginList', 200, 'GET', '/plugins');
    for (const [id, path] of [
      ['Session', '/session'],
      ['BuildKitControl', '/grpc'],
    ] as const)
      await call(id, 400, 'POST', path); // without an upgrade
    for (const [path, item] of Object.entries(document.paths)) {
      if (!/^\/(swarm|nodes|services|tasks|secrets|configs|plugins)/.test(path)) continue;
      for (const [method, { operationId, responses }] of Object.entries(item)) {
        if (operationId === 'PluginList') continue;
        const statuses = Object.keys(responses).map(Number);
        const status = statuses.find((each) => each !== 400 && each !== 500) ?? 0;
        await call(operationId, status, method.toUpperCase(), path.replace(/\{\w+\}/, 'x/y'));
      }
    }
  });

  it('have had every field that is described, but for those that this machine has no occasion for', () => {
    const isExcused = (field: string) => excused.some(([pattern]) => pattern.test(field));
    expect(schemas.unseenFields().filter((field) => !isExcused(field))).toEqual([]);
  });

  it('have been seen of every operation', () => {
    const seen = new Set([...schemas.checked].map((entry) => entry.split(' ')[0]));
    expect(schemas.operationIds.filter((id) => !seen.has(id))).toEqual([]);
  });
});

describe('a description that is wrong', () => {
  const answer = (body: object): WireAnswer => ({
    status: 200,
    contentType: 'application/json',
    body: Buffer.from(JSON.stringify(body)),
  });

  it('is noticed: a field too many, one too few, another type, another status', () => {
    const good = { StatusCode: 0 };
    expect(() => schemas.check('ContainerWait', answer(good))).not.toThrow();
    expect(() => schemas.check('ContainerWait', answer({ ...good, Odd: 1 }))).toThrow('additional properties');
    expect(() => schemas.check('ContainerWait', answer({}))).toThrow("required property 'StatusCode'");
    expect(() => schemas.check('ContainerWait', answer({ StatusCode: '0' }))).toThrow('must be integer');
    expect(() => schemas.check('ContainerWait', answer({ ...good, Error: { Odd: 1 } }))).toThrow('additional');
    expect(() => schemas.check('ContainerWait', { ...answer(good), status: 418 })).toThrow('not described');
    expect(() => schemas.check('ContainerWait', { ...answer(good), contentType: 'text/html' })).toThrow(
      'described are',
    );
  });
});

describe('what is described of requests', () => {
  let execId: string;

  beforeAll(async () => {
    await call('ImageLoad', 200, 'POST', '/images/load', { file: await busyboxArchive() });
    const body = { Image: 'busybox', Cmd: ['sleep', '1000'], HostConfig: { NetworkMode: 'none' } };
    await call('ContainerCreate', 201, 'POST', '/containers/create?name=probe', { body });
    await call('ContainerStart', 204, 'POST', '/containers/probe/start');
    const exec = { Cmd: ['true'] };
    execId = (await call('ContainerExec', 201, 'POST', '/containers/probe/exec', { body: exec })).Id;
  });

  const calls = () =>
    Object.entries(document.paths).flatMap(([path, item]) =>
      Object.entries(item).map(([method, operation]: [string, any]) => {
        const id = path.startsWith('/exec/') ? execId : path.startsWith('/networks/') ? 'bridge' : 'probe';
        return { method: method.toUpperCase(), path: path.replace(/\{\w+\}/, id), operation };
      }),
    );

  it('is what is validated in queries: numbers, filters, choices', async () => {
    const accepted: string[] = [];
    for (const { method, path, operation } of calls()) {
      for (const probe of wrongParameters(operation)) {
        const { status, body } = await send(method, `${path}?${probe}`);
        if (status !== 400) accepted.push(`${operation.operationId} ${probe}: ${status} ${body}`);
      }
    }
    expect(accepted).toEqual([]);
  });

  it('is what is validated in bodies: each field, with a value of another type', async () => {
    const accepted: string[] = [];
    let probes = 0;
    for (const { method, path, operation } of calls()) {
      const schema = operation.requestBody?.content['application/json']?.schema;
      if (schema === undefined) continue;
      for (const body of wrongBodies(schema)) {
        probes += 1;
        const answer = await send(method, path, { body: { Image: 'busybox', Cmd: ['x'], ...body } });
        if (answer.status !== 400)
          accepted.push(`${operation.operationId} ${JSON.stringify(body)}: ${answer.status} ${answer.body}`);
      }
    }
    expect(accepted).toEqual([]);
    expect(probes).toBeGreaterThan(200);
  });
});

/** It is refused whatever it says. */
const unread = ['ImageSearch'];

function wrongParameters(operation: any): string[] {
  if (unread.includes(operation.operationId)) return [];
  return (operation.parameters ?? [])
    .filter((parameter: any) => parameter.in === 'query')
    .flatMap(({ name, schema, content }: any) => {
      if (content !== undefined)
        return [`${name}=${encodeURIComponent('{"no-such-filter":["x"]}')}`, `${name}=x`, `${name}=[]`];
      if (schema.type === 'integer' || schema.enum !== undefined) return [`${name}=no-such-value`];
      return [];
    });
}

/** For each field, down to those of its objects and lists, a body in which it alone has a wrong type. */
function wrongBodies(schema: any): object[] {
  const [choice] = schema.anyOf ?? [schema];
  const name = choice.$ref?.split('/').at(-1);
  const { properties = {} } = name === undefined ? choice : (document.components.schemas[name] as any);
  return Object.entries<any>(properties).flatMap(([field, property]) => {
    const kinds = (property.anyOf ?? [property]).flatMap((each: any) => each.type ?? (each.$ref ? 'object' : []));
    if (kinds.length === 0) return []; // anything goes
    const wrong = kinds.includes('boolean') ? 'x' : kinds.includes('integer') ? 'x' : true;
    const inner = [
      ...wrongBodies(property),
      ...(property.items ? wrongBodies(property.items).map((each) => [each]) : []),
    ];
    return [{ [field]: wrong }, ...inner.map((each) => ({ [field]: each }))];
  });
}
