// Measures our engine beside Debian's dockerd in one run, in turn (A B A B …): medians, counts and ratios. `pnpm bench`;
// with PEER=28 beside dockerd 28.5.
import http from 'node:http';
import { busyboxArchive } from '../harness/images.ts';
import { newerDocker } from '../harness/newer-docker.ts';
import { processesOf, pssKib } from '../harness/processes.ts';
import { startRealDockerd } from '../harness/real-dockerd.ts';
import { startStack } from '../harness/stack.ts';
import { call, execTrue, inTurn, life, report, type Server, sleeper } from './engine-calls.ts';
import { timed } from './figures.ts';

const rounds = Number(process.env.ROUNDS ?? 20);
const parallelLives = 64;
const parallelWidth = 8;
const density = 50;

async function pool(count: number, width: number, work: () => Promise<unknown>): Promise<void> {
  let next = 0;
  const worker = async () => {
    while (next++ < count) await work();
  };
  await Promise.all(Array.from({ length: width }, worker));
}

interface Engine extends Server {
  /** Its processes are known by it. */
  directory: string;
}

/** Daemons, shims and monitors: everything that is not the container's own process. */
function enginePids(server: Engine, containerPids: Set<number>): number[] {
  const monitors = processesOf('tsrunc').filter((found) => found.comm.startsWith('tsrunc'));
  const named = processesOf(server.directory).filter((found) => !found.cmdline.startsWith('nsenter'));
  const own = server.name === 'ours' ? [...named, ...monitors] : named;
  return [...new Set(own.map((found) => found.pid))].filter((pid) => !containerPids.has(pid));
}

/** A daemon gives memory back after five seconds without work. */
const idleMs = 8_000;

async function measureDensity(server: Engine): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, idleMs));
  const idle = pssKib(enginePids(server, new Set()));
  const ids: string[] = [];
  await pool(density, parallelWidth, async () => ids.push(await sleeper(server)));
  const pids = new Set<number>();
  for (const id of ids)
    pids.add((await call<{ State: { Pid: number } }>(server, 'GET', `/containers/${id}/json`)).State.Pid);
  await new Promise((resolve) => setTimeout(resolve, 1500));
  const full = pssKib(enginePids(server, pids));
  console.log(
    `memory ${server.name}: idle ${(idle / 1024).toFixed(1)} MiB PSS, ${((full - idle) / density / 1024).toFixed(2)} MiB PSS per running container (${density})`,
  );
  for (const id of ids) await call(server, 'DELETE', `/containers/${id}?force=1`);
}

const archive = await busyboxArchive();
const stack = await startStack({ hasTmpfs: true });
const programs = process.env.PEER === '28' ? await newerDocker() : undefined;
const peer = await startRealDockerd(undefined, { hasTmpfs: true, ...(programs && { programs }) });
try {
  const servers: Engine[] = [
    { name: 'ours', socket: stack.socket, directory: stack.directory, agent: new http.Agent({ keepAlive: true }) },
    { name: 'dockerd', socket: peer.socket, directory: peer.directory, agent: new http.Agent({ keepAlive: true }) },
  ];
  await stack.docker(['load', '-q', '-i', archive]);
  await peer.docker(['load', '-q', '-i', archive]);

  const lives = await inTurn(servers, rounds, (server) => life(server, 'none'));
  for (const key of ['create', 'start', 'wait', 'remove', 'total'] as const) {
    report(
      `life without network: ${key} ms`,
      servers,
      lives.map((rows) => rows.map((row) => row[key])),
    );
  }
  const sleepers = await Promise.all(servers.map(sleeper));
  report(
    'exec true ms',
    servers,
    await inTurn(servers, rounds, (server, index) => timed(() => execTrue(server, sleepers[index] ?? ''))),
  );
  await Promise.all(servers.map((server, index) => call(server, 'DELETE', `/containers/${sleepers[index]}?force=1`)));
  const rates = await inTurn(
    servers,
    3,
    async (server) =>
      (parallelLives * 1000) / (await timed(() => pool(parallelLives, parallelWidth, () => life(server, 'none')))),
  );
  report(`lives per second at width ${parallelWidth} (higher is better)`, servers, rates);
  for (const server of servers) await measureDensity(server);
} finally {
  await stack.stop();
  await peer.stop();
}
