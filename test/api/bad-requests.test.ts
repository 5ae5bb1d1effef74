// Requests that make no sense: docker's status and a message in its shape, never a 5xx, and the engine goes on.
import http from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { busyboxArchive } from '../harness/images.ts';
import { type Stack, startStack } from '../harness/stack.ts';

let stack: Stack;

beforeAll(async () => {
  stack = await startStack();
  await stack.docker(['load', '-q', '-i', await busyboxArchive()]);
  await stack.docker(['run', '-d', '--name', 'box', '--network', 'none', 'busybox', 'sleep', '1000']);
});
afterAll(() => stack?.stop());

function send(method: string, path: string, body?: string): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) => {
    const headers = body === undefined ? {} : { 'content-type': 'application/json' };
    const options = { socketPath: stack.socket, method, path: encodeURI(path), agent: false as const, headers };
    const request = http.request(options, (response) => {
      let text = '';
      response.on('data', (chunk) => {
        text += chunk;
      });
      response.on('end', () => resolve({ status: response.statusCode ?? 0, text }));
    });
    request.on('error', reject);
    request.end(body);
  });
}

const image = '"Image":"busybox"';
const create = (rest: string): [string, string, string] => ['POST', '/containers/create', `{${image},${rest}}`];
const host = (rest: string) => create(`"HostConfig":{${rest}}`);

const badRequests: [string, string, string?][] = [
  ['POST', '/containers/create'],
  ['POST', '/containers/create', '{}'],
  ['POST', '/containers/create', `{${image},`],
  ['POST', '/containers/create', '[]'],
  ['POST', '/containers/create', '"x"'],
  ['POST', '/containers/create', 'null'],
  ['POST', '/containers/create', '{"Image":5}'],
  ['POST', '/containers/create?name=!', `{${image}}`],
  ['POST', '/containers/create?name=a', `{${image}}`],
  ['POST', '/containers/create', '{"Image":"../x"}'],
  create('"Cmd":{"a":1}'),
  create('"Env":"x"'),
  create('"StopSignal":"ODD"'),
  create('"StopTimeout":"x"'),
  create('"Volumes":["x"]'),
  create('"ExposedPorts":{"x":{}}'),
  create('"ExposedPorts":{"99999/tcp":{}}'),
  create('"ExposedPorts":{"80/odd":{}}'),
  create('"NetworkingConfig":"x"'),
  create('"Healthcheck":"x"'),
  create('"Healthcheck":{"Test":"x"}'),
  create('"Healthcheck":{"Test":["CMD","x"],"Interval":1}'),
  host('"Binds":[1]'),
  host('"Memory":"x"'),
  host('"Memory":1e30'),
  host('"Memory":1'),
  host('"Mounts":[{"Type":"odd"}]'),
  host('"Mounts":[null]'),
  host('"Ulimits":[{"Name":"odd"}]'),
  host('"Devices":[{}]'),
  host('"ConsoleSize":"x"'),
  host('"CpusetCpus":"9999"'),
  host('"CpusetCpus":"x"'),
  host('"LogConfig":{"Type":"odd"}'),
  host('"RestartPolicy":{"Name":"odd"}'),
  ['GET', '/containers/json?limit=x'],
  ['GET', '/containers/json?filters=x'],
  ['GET', '/containers/json?filters=[]'],
  ['GET', '/containers/json?filters={"odd":["x"]}'],
  ['GET', '/containers/json?filters={"status":["odd"]}'],
  ['GET', '/containers/json?filters={"exited":["x"]}'],
  ['GET', '/containers/json?filters={"health":["odd"]}'],
  ['GET', '/containers/json?filters={"is-task":["x"]}'],
  ['GET', '/containers/json?filters={"label":5}'],
  ['GET', '/containers/box/logs'],
  ['GET', '/containers/box/logs?stdout=1&since=x'],
  ['GET', '/containers/box/archive'],
  ['POST', '/containers/box/resize'],
  ['POST', '/containers/box/resize?h=x&w=1'],
  ['POST', '/containers/box/start', '{"Binds":["/x:/y"]}'],
  ['POST', '/containers/box/stop?t=x'],
  ['POST', '/containers/box/kill?signal=ODD'],
  ['POST', '/containers/box/update'],
  ['POST', '/containers/box/update', '[]'],
  ['POST', '/containers/box/update', '{"Memory":"x"}'],
  ['POST', '/containers/box/update', '{"Memory":1}'],
  ['POST', '/containers/box/update', '{"CpusetCpus":"99"}'],
  ['POST', '/containers/box/update', '{"RestartPolicy":{"Name":"odd"}}'],
  ['POST', '/containers/box/rename'],
  ['POST', '/containers/box/rename?name=!'],
  ['POST', '/containers/box/wait?condition=odd'],
  ['POST', '/containers/box/exec'],
  ['POST', '/containers/box/exec', '{}'],
  ['POST', '/containers/box/exec', '{"Cmd":"x y"}'],
  ['POST', '/containers/box/exec', '{"Cmd":["x"],"DetachKeys":"odd-keys"}'],
  ['POST', '/containers/prune?filters={"odd":["x"]}'],
  ['POST', '/containers/prune?filters={"until":["odd"]}'],
  ['GET', '/images/json?filters={"odd":["x"]}'],
  ['GET', '/images/json?filters={"dangling":["x"]}'],
  ['GET', '/images/json?filters={"reference":["["]}'],
  ['GET', '/images/get'],
  ['POST', '/images/busybox/tag'],
  ['POST', '/images/busybox/tag?repo=BAD'],
  ['POST', '/images/busybox/tag?repo=a&tag=!'],
  ['POST', '/images/create'],
  ['POST', '/images/create?fromImage=BAD!'],
  ['POST', '/images/load'],
  ['POST', '/images/load', 'garbage'],
  ['POST', '/images/prune?filters={"until":["odd"]}'],
  ['POST', '/volumes/create'],
  ['POST', '/volumes/create', '[]'],
  ['POST', '/volumes/create', '{"Name":"!"}'],
  ['POST', '/volumes/create', '{"Name":5}'],
  ['GET', '/volumes?filters={"odd":["x"]}'],
  ['POST', '/volumes/prune?filters={"odd":["x"]}'],
  ['GET', '/events?since=x'],
  ['GET', '/system/df?type=odd'],
  ['POST', '/auth', '[]'],
  ['GET', '/v1.99/info'],
];

const unknown: [string, string, string?][] = [
  ['GET', '/nosuch'],
  ['PATCH', '/containers/json'],
  ['GET', '/containers/nosuch/json'],
  ['GET', '/containers/nosuch/top'],
  ['GET', '/containers/nosuch/logs?stdout=1'],
  ['GET', '/containers/nosuch/changes'],
  ['GET', '/containers/nosuch/export'],
  ['GET', '/containers/nosuch/stats?stream=0'],
  ['GET', '/containers/nosuch/archive?path=/'],
  ['POST', '/containers/nosuch/start'],
  ['POST', '/containers/nosuch/stop'],
  ['POST', '/containers/nosuch/kill'],
  ['POST', '/containers/nosuch/update', '{}'],
  ['POST', '/containers/nosuch/rename?name=x'],
  ['POST', '/containers/nosuch/wait'],
  ['POST', '/containers/nosuch/attach'],
  ['POST', '/containers/nosuch/exec', '{"Cmd":["x"]}'],
  ['DELETE', '/containers/nosuch'],
  ['POST', '/containers/create', '{"Image":"nosuch"}'],
  ['POST', '/exec/nosuch/start', '{}'],
  ['POST', '/exec/nosuch/resize?h=1&w=1'],
  ['GET', '/exec/nosuch/json'],
  ['GET', '/images/nosuch/json'],
  ['GET', '/images/nosuch/history'],
  ['GET', '/images/nosuch/get'],
  ['POST', '/images/nosuch/tag?repo=x'],
  ['DELETE', '/images/nosuch'],
  ['GET', '/images/json?filters={"before":["nosuch"]}'],
  ['POST', '/commit?container=nosuch'],
  ['GET', '/volumes/nosuch'],
  ['DELETE', '/volumes/nosuch'],
  ['GET', '/networks/nosuch'],
  ['GET', '/plugins/x/json'],
  ['POST', '/plugins/x/enable'],
];

const wrongState: [string, string][] = [
  ['POST', '/containers/box/rename?name=box'],
  ['POST', '/containers/box/unpause'],
  ['DELETE', '/containers/box'],
  ['DELETE', '/images/busybox'],
];

function messageOf(text: string): string {
  return (JSON.parse(text) as { message: string }).message;
}

describe.each([
  [400, badRequests],
  [404, unknown],
] as const)('%s', (status, requests) => {
  it.each(requests)('%s %s %s', async (method, path, body) => {
    const answer = await send(method, path, body);
    expect([answer.status, answer.text]).toEqual([status, expect.anything()]);
    expect(messageOf(answer.text)).not.toBe('');
  });
});

describe('a wrong state', () => {
  it.each(wrongState)('%s %s', async (method, path) => {
    const answer = await send(method, path);
    expect(answer.status).toBeGreaterThanOrEqual(400);
    expect(answer.status).toBeLessThan(500);
    expect(messageOf(answer.text)).not.toBe('');
  });
});

describe('after all of them', () => {
  it('everything that there is can still be listed', async () => {
    for (const path of [
      '/containers/json?all=1&size=1',
      '/images/json',
      '/volumes',
      '/networks',
      '/system/df',
      '/info',
    ])
      expect((await send('GET', path)).status).toBe(200);
  });
});

describe('sizes', () => {
  it('a body past the bound is refused, and its sender is told so', async () => {
    const answer = await send('POST', '/containers/create', `{"a":"${'x'.repeat(20_000_000)}"}`);
    expect([answer.status, messageOf(answer.text)]).toEqual([400, expect.stringContaining('larger than')]);
  });
});

describe('an engine that is in no swarm', () => {
  it.each(['/swarm', '/nodes', '/services', '/tasks', '/secrets', '/configs', '/services/x', '/swarm/unlockkey'])(
    'GET %s',
    async (path) => {
      const answer = await send('GET', path);
      expect([answer.status, messageOf(answer.text)]).toEqual([503, expect.stringContaining('not a swarm manager')]);
    },
  );

  it('has no plugins, and takes OPTIONS', async () => {
    expect(await send('GET', '/plugins')).toEqual({ status: 200, text: '[]' });
    expect((await send('OPTIONS', '/info')).status).toBe(200);
    expect((await send('POST', '/swarm/leave')).status).toBe(503);
  });
});

describe('a prune of everything', () => {
  it('goes through docker’s client', async () => {
    const { stdout, stderr, code } = await stack.docker(['system', 'prune', '-f']);
    expect({ stderr, code }).toEqual({ stderr: '', code: 0 });
    expect(stdout).toContain('Total reclaimed space');
  });
});
