// The embedded DNS server beside the real dockerd's: the same questions from inside a container, the same answers; and
// how many questions a second it answers without losing one.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { run, runOk } from '../harness/command.ts';
import { busyboxArchive } from '../harness/images.ts';
import { addOutsideHost, type OutsideHost } from '../harness/outside-host.ts';
import { startRealDockerd } from '../harness/real-dockerd.ts';
import { repositoryRoot } from '../harness/repository.ts';
import { startStack } from '../harness/stack.ts';

interface World {
  outside: OutsideHost;
  authority: ChildProcess;
  docker(...args: string[]): Promise<string>;
  stop(): Promise<void>;
}

const worlds: World[] = [];

async function addWorld(socket: string, network: OutsideHost['network'], stop: () => Promise<void>): Promise<void> {
  const outside = await addOutsideHost(network);
  const program = join(repositoryRoot, 'test/harness/dns-authority.ts');
  const authority = spawn(...outside.network.enter(process.execPath, [program, outside.address]));
  await once(authority.stdout, 'data');
  const docker = async (...args: string[]) => {
    const result = await run('/usr/bin/docker', args, { env: { DOCKER_HOST: `unix://${socket}` } });
    expect(result.code, `docker ${args.join(' ')}: ${result.stderr}`).toBe(0);
    return result.stdout.trim();
  };
  const world = { outside, authority, docker, stop };
  worlds.push(world);
  await docker('load', '-i', await busyboxArchive());
  for (const name of ['names', 'other']) await docker('network', 'create', name);
  const start = (name: string, ...flags: string[]) =>
    docker('run', '-d', '--name', name, '--dns', outside.address, ...flags, 'busybox', 'sleep', '600');
  await start('web', '--network', 'names', '--network-alias', 'www', '--hostname', 'machine');
  await start('db', '--network', 'names');
  for (const name of ['pair1', 'pair2']) await start(name, '--network', 'names', '--network-alias', 'pair');
  await start('hidden', '--network', 'other');
  await start('asker', '--network', 'names', '--link', 'db:store');
}

beforeAll(async () => {
  const stack = await startStack();
  await addWorld(stack.socket, stack.network, () => stack.stop());
  const dockerd = await startRealDockerd([]);
  await addWorld(dockerd.socket, dockerd.network, () => dockerd.stop());
}, 180_000);

afterAll(async () => {
  for (const { outside, authority, docker, stop } of worlds) {
    await docker('rm', '-f', 'web', 'db', 'pair1', 'pair2', 'hidden', 'asker').catch(() => undefined); // some may be missing
    authority.kill();
    await outside.remove();
    await stop();
  }
});

async function inAsker(world: World, ...args: string[]): Promise<any> {
  const pid = await world.docker('inspect', '-f', '{{.State.Pid}}', 'asker');
  const program = join(repositoryRoot, 'test/harness/dns-client.ts');
  return JSON.parse(
    await runOk('nsenter', [`--net=/proc/${pid}/ns/net`, process.execPath, program, '127.0.0.11', ...args]),
  );
}

const [a, ptr, mx, txt, aaaa, srv] = [1, 12, 15, 16, 28, 33];
type Question = [name: string, type: number, protocol: 'udp' | 'tcp'];

async function questions(world: World): Promise<Question[]> {
  const id = (await world.docker('inspect', '-f', '{{.Id}}', 'web')).slice(0, 12);
  const address = async (name: string) =>
    (await world.docker('inspect', '-f', '{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}', name))
      .split('.')
      .reverse()
      .join('.');
  const [web, db, hidden] = [await address('web'), await address('db'), await address('hidden')];
  return [
    ['web', a, 'udp'],
    ['web', aaaa, 'udp'],
    ['www', a, 'udp'],
    ['db', a, 'udp'],
    ['web.names', a, 'udp'],
    ['www.names', a, 'udp'],
    ['web.names', aaaa, 'udp'],
    ['web.other', a, 'udp'],
    ['pair', a, 'udp'],
    ['pair.names', a, 'udp'],
    [id, a, 'udp'],
    ['asker', a, 'udp'],
    ['store', a, 'udp'],
    ['hidden', a, 'udp'],
    ['nobody', a, 'udp'],
    ['nxbody', a, 'udp'],
    ['example.test', a, 'udp'],
    ['example.test', aaaa, 'udp'],
    ['example.test', mx, 'udp'],
    ['nx.example.test', a, 'udp'],
    ['fail.test', a, 'udp'],
    ['big.test', txt, 'udp'],
    ['big.test', txt, 'tcp'],
    ['web', a, 'tcp'],
    ['pair', a, 'tcp'],
    ['example.test', a, 'tcp'],
    ['nx.test', a, 'tcp'],
    [`${web}.in-addr.arpa`, ptr, 'udp'],
    [`${db}.in-addr.arpa`, ptr, 'udp'],
    [`${hidden}.in-addr.arpa`, ptr, 'udp'],
    ['8.8.8.8.in-addr.arpa', ptr, 'udp'],
    [`${web}.in-addr.arpa`, ptr, 'tcp'],
    ['_http._tcp.example.test', srv, 'udp'],
  ];
}

/** Both engines chose the subnets for themselves, so that addresses may be compared as they are. */
describe('the embedded DNS server', () => {
  it('answers as dockerd’s does', async () => {
    const [ours, theirs] = worlds as [World, World];
    const [mine, other] = [await questions(ours), await questions(theirs)];
    expect(mine.length).toBeGreaterThanOrEqual(30);
    const answers = await inAsker(ours, JSON.stringify(mine));
    const expected = await inAsker(theirs, JSON.stringify(other));
    expect(expected[0].answers).toHaveLength(1);
    expect(expected[8].answers).toHaveLength(2);
    expect(JSON.stringify(expected)).not.toContain('lost');
    const named = (list: object[]) =>
      list.map((answer, index) => ({ question: index === 10 ? 'id' : mine[index], ...answer }));
    expect(named(answers)).toEqual(named(expected));
  });

  it('answers 2,000 questions a second and loses none', async () => {
    const { sent, right, elapsedMs } = await inAsker(worlds[0] as World, '--rate', 'web', '2000');
    expect({ sent, right }).toEqual({ sent: 2000, right: 2000 });
    expect(elapsedMs).toBeLessThan(3000);
  });
});
