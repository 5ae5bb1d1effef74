// What an exec over our four processes cannot go below: the same requests, hops and sockets, and no work in any of them.
//
// Three HTTP requests to an engine on bare node:http, which passes the start on to a daemon, and that to a shim, over
// unix sockets; the shim answers that it runs and, in the next turn, that it has ended. No gRPC, no store, no runtime.
// Measured in turn with dockerd, whose exec leaves the caches as cold as beside a real one. `pnpm bench:floor`.
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import http from 'node:http';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { busyboxArchive } from '../harness/images.ts';
import { startRealDockerd } from '../harness/real-dockerd.ts';
import { execTrue, inTurn, report, type Server, sleeper } from './engine-calls.ts';
import { timed } from './figures.ts';

const rounds = Number(process.env.ROUNDS ?? 20);
const [role, directory = ''] = process.argv.slice(2);

function eachLine(socket: net.Socket, take: (line: string) => void): void {
  let rest = '';
  socket.on('data', (piece) => {
    const lines = (rest + piece).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) take(line);
  });
}

function serveShim(): net.Server {
  return net.createServer((daemon) =>
    eachLine(daemon, (id) => {
      daemon.write(`started ${id}\n`);
      setImmediate(() => daemon.write(`exited ${id}\n`));
    }),
  );
}

function serveDaemon(): net.Server {
  const shim = net.connect(join(directory, 'shim.sock'));
  return net.createServer((engine) => {
    eachLine(engine, (line) => shim.write(`${line}\n`));
    eachLine(shim, (line) => engine.write(`${line}\n`));
  });
}

function serveEngine(): http.Server {
  const daemon = net.connect(join(directory, 'daemon.sock'));
  const running = new Map<string, http.ServerResponse>();
  let count = 0;
  eachLine(daemon, (line) => {
    const [word, id = ''] = line.split(' ');
    if (word !== 'exited') return;
    running.get(id)?.end();
    running.delete(id);
  });
  const answerOf = (path: string) => {
    if (path.endsWith('/exec')) return { Id: `e${count++}` };
    return path.endsWith('/json') ? { ExitCode: 0, Running: false } : {};
  };
  return http.createServer((request, response) => {
    const path = request.url ?? '';
    request.resume().on('end', () => {
      if (path.endsWith('/start')) {
        response.writeHead(200, { 'content-type': 'application/vnd.docker.raw-stream', connection: 'close' });
        response.flushHeaders();
        const id = path.split('/').at(-2) ?? '';
        running.set(id, response);
        daemon.write(`${id}\n`);
        return;
      }
      const text = JSON.stringify(answerOf(path));
      response.writeHead(200, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) });
      response.end(text);
    });
  });
}

/** In the order of their starts: each connects to the one before. */
const roles: Record<string, () => net.Server> = { shim: serveShim, daemon: serveDaemon, engine: serveEngine };

async function measure(): Promise<void> {
  const scratch = mkdtempSync(join(tmpdir(), 'tsc-floor-'));
  const children: ChildProcess[] = [];
  const peer = await startRealDockerd(undefined, { hasTmpfs: true });
  try {
    for (const name of Object.keys(roles)) {
      const child = fork(import.meta.filename, [name, scratch]);
      children.push(child);
      await once(child, 'message');
    }
    await peer.docker(['load', '-q', '-i', await busyboxArchive()]);
    const servers: Server[] = [
      { name: 'floor', socket: join(scratch, 'engine.sock'), agent: keepAlive() },
      { name: 'dockerd', socket: peer.socket, agent: keepAlive() },
    ];
    const [, docker] = servers as [Server, Server];
    const ids = ['floor', await sleeper(docker)];
    const samples = await inTurn(servers, rounds, (server, index) => timed(() => execTrue(server, ids[index] ?? '')));
    report('exec of true, ms', servers, samples);
  } finally {
    for (const child of children) child.kill();
    await peer.stop();
    rmSync(scratch, { recursive: true, force: true });
  }
}

const keepAlive = () => new http.Agent({ keepAlive: true });

if (role === undefined) await measure();
else roles[role]?.().listen(join(directory, `${role}.sock`), () => process.send?.('listening'));
