// Measures networks beside Debian's dockerd in one run, in turn: a container's life on the default bridge, and iperf3
// between containers, through a published port from another host, and from the host's own loopback. `pnpm bench:networks`.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import http from 'node:http';
import { run, runOk, until } from '../harness/command.ts';
import { busyboxArchive } from '../harness/images.ts';
import type { NetworkNamespace } from '../harness/network-namespace.ts';
import { addOutsideHost, type OutsideHost } from '../harness/outside-host.ts';
import { startRealDockerd } from '../harness/real-dockerd.ts';
import { startStack } from '../harness/stack.ts';
import { call, inTurn, life, report, type Server } from './engine-calls.ts';

const lives = Number(process.env['ROUNDS'] ?? 20);
const rounds = Number(process.env['IPERF_ROUNDS'] ?? 5);
const seconds = Number(process.env['SECONDS_EACH'] ?? 2);
const port = 5201;

interface World extends Server {
  network: NetworkNamespace;
  outside: OutsideHost;
  stop(): Promise<void>;
}

interface Peer {
  address: string;
  namespace: string;
}

async function peer(world: World, name: string, isPublished: boolean): Promise<Peer> {
  const HostConfig = {
    NetworkMode: 'measured',
    ...(isPublished ? { PortBindings: { [`${port}/tcp`]: [{ HostPort: String(port) }] } } : {}),
  };
  const { Id } = await call<{ Id: string }>(world, 'POST', `/containers/create?name=${name}`, {
    Image: 'busybox',
    Cmd: ['sleep', '3600'],
    // dockerd publishes no port that is not exposed too
    ExposedPorts: { [`${port}/tcp`]: {} },
    HostConfig,
  });
  await call(world, 'POST', `/containers/${Id}/start`);
  const found = await call<any>(world, 'GET', `/containers/${Id}/json`);
  return {
    address: found.NetworkSettings.Networks.measured.IPAddress,
    namespace: `/proc/${found.State.Pid}/ns/net`,
  };
}

/** Gbit/s that arrived at the server; it serves one at a time, and takes a moment between two. */
async function iperf(namespace: string, address: string): Promise<number> {
  const args = ['iperf3', '-J', '-c', address, '-p', String(port), '-t', String(seconds)];
  return until(`iperf3 to ${address}`, 20_000, async () => {
    const { stdout } = await run('nsenter', [`--net=${namespace}`, ...args]);
    const bits = JSON.parse(stdout).end?.sum_received?.bits_per_second;
    return bits === undefined ? undefined : bits / 1e9;
  });
}

async function measureThroughput(worlds: World[]): Promise<void> {
  const pairs: { server: Peer; client: Peer }[] = [];
  for (const world of worlds) {
    await call(world, 'POST', '/networks/create', { Name: 'measured', CheckDuplicate: true });
    pairs.push({ server: await peer(world, 'server', true), client: await peer(world, 'client', false) });
  }
  const servers = pairs.map(({ server }) =>
    spawn('nsenter', [`--net=${server.namespace}`, 'iperf3', '-s', '--forceflush', '-p', String(port)], {
      stdio: ['ignore', 'pipe', 'inherit'],
    }),
  );
  try {
    await Promise.all(servers.map((server) => once(server.stdout as NodeJS.ReadableStream, 'data')));
    const between = await inTurn(worlds, rounds, (_, index) =>
      iperf(pairs[index]?.client.namespace ?? '', pairs[index]?.server.address ?? ''),
    );
    report('container to container, Gbit/s', worlds, between);
    const published = await inTurn(worlds, rounds, (world) =>
      iperf(world.outside.network.path, world.outside.daemonAddress),
    );
    report('another host to a published port, Gbit/s', worlds, published);
    const loopback = await inTurn(worlds, rounds, (world) => iperf(world.network.path, '127.0.0.1'));
    report('the host’s loopback to a published port, Gbit/s', worlds, loopback);
  } finally {
    for (const server of servers) server.kill();
  }
}

const worlds: World[] = [];
try {
  const stack = await startStack();
  const agent = () => new http.Agent({ keepAlive: true });
  worlds.push({
    name: 'ours',
    socket: stack.socket,
    network: stack.network,
    outside: await addOutsideHost(stack.network),
    agent: agent(),
    stop: () => stack.stop(),
  });
  const dockerd = await startRealDockerd([]);
  worlds.push({
    name: 'dockerd',
    socket: dockerd.socket,
    network: dockerd.network,
    outside: await addOutsideHost(dockerd.network),
    agent: agent(),
    stop: () => dockerd.stop(),
  });
  for (const { socket } of worlds)
    await runOk('/usr/bin/docker', ['load', '-i', await busyboxArchive()], {
      env: { DOCKER_HOST: `unix://${socket}` },
    });
  for (const mode of ['none', 'bridge'])
    report(
      `life with --network ${mode}, ms`,
      worlds,
      await inTurn(worlds, lives, async (world) => (await life(world, mode)).total),
    );
  await measureThroughput(worlds);
} finally {
  for (const world of worlds) {
    world.agent.destroy();
    for (const name of ['server', 'client'])
      await call(world, 'DELETE', `/containers/${name}?force=1`).catch(() => undefined); // a failure came first
    await world.outside.remove();
    await world.stop();
  }
}
