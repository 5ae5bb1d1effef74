// Measures a container's log beside Debian's dockerd in one run, in turn: 64 MiB of short lines written, then read back
// whole. `pnpm bench:logs`.
import http from 'node:http';
import { busyboxArchive } from '../harness/images.ts';
import { startRealDockerd } from '../harness/real-dockerd.ts';
import { startStack } from '../harness/stack.ts';
import { call, inTurn, report, type Server } from './engine-calls.ts';
import { timed } from './figures.ts';

const rounds = Number(process.env.ROUNDS ?? 3);
const mebibytes = 64;
const bytes = mebibytes << 20;
/** With its end a power of two, so that the last one is whole. */
const line = 'x'.repeat(63);
const frameHeaderBytes = 8;

/** Bytes of the lines themselves, without the frames that they come in. */
function readLog(server: Server, id: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const path = `/v1.41/containers/${id}/logs?stdout=1`;
    const request = http.get({ socketPath: server.socket, path, agent: server.agent }, (response) => {
      const header = Buffer.alloc(frameHeaderBytes);
      let inHeader = 0;
      let inFrame = 0;
      let payload = 0;
      response.on('data', (chunk: Buffer) => {
        for (let at = 0; at < chunk.length; ) {
          const taken = Math.min(inFrame > 0 ? inFrame : frameHeaderBytes - inHeader, chunk.length - at);
          if (inFrame > 0) {
            inFrame -= taken;
            payload += taken;
          } else {
            chunk.copy(header, inHeader, at, at + taken);
            inHeader = (inHeader + taken) % frameHeaderBytes;
            if (inHeader === 0) inFrame = header.readUInt32BE(4);
          }
          at += taken;
        }
      });
      response.on('end', () => resolve(payload));
      response.on('error', reject);
    });
    request.on('error', reject);
  });
}

/** Mebibytes a second. */
async function measure(server: Server): Promise<{ written: number; read: number }> {
  const { Id } = await call<{ Id: string }>(server, 'POST', '/containers/create', {
    Image: 'busybox',
    Cmd: ['sh', '-c', `busybox yes ${line} | busybox head -c ${bytes}`],
    HostConfig: { NetworkMode: 'none', LogConfig: { Type: 'json-file' } },
  });
  const writeMs = await timed(async () => {
    await call(server, 'POST', `/containers/${Id}/start`);
    await call(server, 'POST', `/containers/${Id}/wait`);
  });
  const readMs = await timed(async () => {
    const found = await readLog(server, Id);
    if (found !== bytes) throw new Error(`${server.name}: the log has ${found} of ${bytes} bytes`);
  });
  await call(server, 'DELETE', `/containers/${Id}`);
  return { written: (mebibytes * 1000) / writeMs, read: (mebibytes * 1000) / readMs };
}

await using ends = new AsyncDisposableStack();
const stack = ends.adopt(await startStack({ hasTmpfs: true }), (one) => one.stop());
const peer = ends.adopt(await startRealDockerd(undefined, { hasTmpfs: true }), (one) => one.stop());
const agent = ends.adopt(new http.Agent({ keepAlive: true }), async (one) => one.destroy());
const servers = [
  { name: 'ours', socket: stack.socket, agent },
  { name: 'dockerd', socket: peer.socket, agent },
];
for (const one of [stack, peer]) await one.docker(['load', '-q', '-i', await busyboxArchive()]);
const results = await inTurn(servers, rounds, measure);
for (const figure of ['written', 'read'] as const)
  report(
    `log of ${mebibytes} MiB ${figure}, MiB/s (higher is better)`,
    servers,
    results.map((rows) => rows.map((row) => row[figure])),
  );
