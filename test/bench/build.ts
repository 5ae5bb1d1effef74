// Measures a classic build of ten steps, our stack beside Debian's docker, in one run: every step anew, all from the cache,
// and with one file changed. The context is posted to the engines themselves: no client's start is in the figures.
//
// usage: build.ts [ROUNDS]. Rounds alternate between the two. Prints milliseconds and the ratio of the medians.
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import { join } from 'node:path';
import { makeContext } from '../harness/build-context.ts';
import { runOk } from '../harness/command.ts';
import { busyboxArchive } from '../harness/images.ts';
import { startRealDockerd } from '../harness/real-dockerd.ts';
import { startStack } from '../harness/stack.ts';
import { median } from './figures.ts';

const rounds = Number(process.argv[2] ?? 5);
const fileCount = 400;
const fileBytes = 16 * 1024;

const dockerfile = [
  'FROM busybox',
  'ENV APP=/app MODE=production',
  'WORKDIR /app',
  'COPY package.json ./',
  'RUN mkdir -p modules && for i in 1 2 3 4 5 6 7 8 9; do echo $i > modules/$i; done',
  'COPY src ./src',
  'RUN cat src/* > bundle',
  'EXPOSE 8080',
  'USER app',
  'CMD ["cat", "bundle"]',
].join('\n');

type CaseName = 'anew' | 'cached' | 'one file changed';
const cases: CaseName[] = ['anew', 'cached', 'one file changed'];

interface Side {
  name: string;
  socket: string;
  measured: Record<CaseName, number[]>;
}

function post(socket: string, path: string, body: Buffer): Promise<string> {
  return new Promise((resolve, reject) => {
    const request = http.request({ socketPath: socket, method: 'POST', path, agent: false }, (response) => {
      let text = '';
      response.on('data', (chunk) => {
        text += chunk;
      });
      response.on('end', () => resolve(text));
    });
    request.on('error', reject);
    request.end(body);
  });
}

async function build(side: Side, body: Buffer, kind: CaseName): Promise<void> {
  const began = performance.now();
  const query = kind === 'anew' ? '&nocache=1' : '';
  const text = await post(side.socket, `/build?t=bench&networkmode=none${query}`, body);
  side.measured[kind].push(performance.now() - began);
  if (!text.includes('Successfully tagged')) throw new Error(`${side.name}: ${text.slice(-500)}`);
}

const newSide = (name: string, socket: string): Side => ({
  name,
  socket,
  measured: { anew: [], cached: [], 'one file changed': [] },
});

const dockerd = await startRealDockerd(undefined, { hasTmpfs: true });
const stack = await startStack({ hasTmpfs: true });
const directory = makeContext({ Dockerfile: dockerfile, 'package.json': '{}' });
try {
  mkdirSync(join(directory, 'src'));
  for (let at = 0; at < fileCount; at++)
    writeFileSync(join(directory, 'src', `${at}.js`), `${at} ${'x'.repeat(fileBytes)}`);
  const archive = async () => {
    await runOk('tar', ['-C', directory, '-cf', `${directory}.tar`, '.']);
    return readFileSync(`${directory}.tar`);
  };
  const sides = [newSide('docker', dockerd.socket), newSide('ours', stack.socket)];
  for (const { socket } of sides) await post(socket, '/images/load', readFileSync(await busyboxArchive()));
  const body = await archive();
  for (const side of sides) await build(side, body, 'anew'); // both have everything loaded after that
  for (const side of sides) side.measured.anew.length = 0;
  for (let round = 0; round < rounds; round++) {
    writeFileSync(join(directory, 'src', '0.js'), `changed ${round}`);
    const changed = await archive();
    for (const side of sides) {
      await build(side, body, 'anew');
      await build(side, body, 'cached');
      await build(side, changed, 'one file changed');
    }
  }
  for (const kind of cases) {
    const [theirs = 0, ours = 0] = sides.map(({ measured }) => median(measured[kind]));
    console.log(
      `${kind}: docker ${Math.round(theirs)} ms, ours ${Math.round(ours)} ms, ratio ${(ours / theirs).toFixed(2)}`,
    );
  }
} finally {
  await stack.stop();
  await dockerd.stop();
  rmSync(directory, { recursive: true, force: true });
  rmSync(`${directory}.tar`, { force: true });
}
