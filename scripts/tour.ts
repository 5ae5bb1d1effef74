// The main job in one command: build, bring the chain up, run the embedded image, show the tour, take it all down again.
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import http from 'node:http';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const bin = fileURLToPath(new URL('../dist/bin', import.meta.url));
/** A busy machine takes its time for a first start. */
const readyTimeoutMs = 60_000;

if (process.platform !== 'linux' || process.getuid?.() !== 0) {
  console.error(
    'A container engine makes namespaces, mounts and cgroups: run this as root on Linux (Debian 12 is what we test on).',
  );
  process.exit(1);
}
if (spawnSync('node', ['scripts/build.ts'], { stdio: 'inherit' }).status !== 0) process.exit(1);

const directory = mkdtempSync('/tmp/tscontainer-');
const socket = join(directory, 'engine.sock');
const log = join(directory, 'engine.log');
const logFd = openSync(log, 'a');
// In a network namespace of its own: the bridge and the rules of its networks end with it, and the host keeps its own.
const engine = spawn(
  join(bin, 'tsctl'),
  [
    'unshare',
    '--net',
    join(bin, 'tsengined'),
    '-H',
    `unix://${socket}`,
    '--data-root',
    join(directory, 'data'),
    '--exec-root',
    join(directory, 'exec'),
    '--pidfile',
    join(directory, 'engine.pid'),
  ],
  { stdio: ['ignore', logFd, logFd] },
);
process.on('SIGINT', () => undefined); // the tour's own end takes the chain down
try {
  await answers();
  console.log(`The chain is up: DOCKER_HOST=unix://${socket}\n`);
  show(['version']);
  show(['run', '--rm', 'tscontainer/whoami']);
  process.exitCode = show(['tour']);
} catch (error) {
  console.error(`${(error as Error).message}\n${readFileSync(log, 'utf8').slice(-3000)}`);
  process.exitCode = 1;
} finally {
  await takeDown();
}

function show(args: string[]): number {
  console.log(`$ tsctl ${args.join(' ')}`);
  const { status } = spawnSync(join(bin, 'tsctl'), args, {
    stdio: 'inherit',
    env: { ...process.env, DOCKER_HOST: `unix://${socket}` },
  });
  if (status !== 0) throw new Error(`tsctl ${args.join(' ')}: exit ${status}`);
  return status;
}

async function answers(): Promise<void> {
  const deadline = Date.now() + readyTimeoutMs;
  while (!(await ping())) {
    if (engine.exitCode !== null) throw new Error(`tsengined ended with ${engine.exitCode}`);
    if (Date.now() > deadline) throw new Error(`tsengined does not answer on ${socket} after ${readyTimeoutMs} ms`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

function ping(): Promise<boolean> {
  return new Promise((resolve) => {
    const request = http.get({ socketPath: socket, path: '/_ping' }, (response) => {
      response.resume();
      resolve(response.statusCode === 200);
    });
    request.on('error', () => resolve(false));
  });
}

async function takeDown(): Promise<void> {
  const ended = new Promise((resolve) => engine.once('exit', resolve));
  if (engine.exitCode === null) {
    engine.kill('SIGTERM');
    await ended;
  }
  rmSync(directory, { recursive: true, force: true });
}
