// Measures pull with unpacking, and push, of a 300 MB image of 12 layers: our stack beside Debian's docker, in one run.
//
// usage: registry-transfer.ts [ROUNDS]. Both use the same docker client and a registry with TLS and a password; rounds
// alternate between them. Prints milliseconds and the daemons' peak memory.
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { makeCertificates } from '../harness/certificates.ts';
import { run, runOk } from '../harness/command.ts';
import { makeLargeImage } from '../harness/large-image.ts';
import { processesOf } from '../harness/processes.ts';
import { startRealDockerd } from '../harness/real-dockerd.ts';
import { skopeoCopy, startRegistry } from '../harness/registry.ts';
import { startStack } from '../harness/stack.ts';
import { median, timed } from './figures.ts';

const rounds = Number(process.argv[2] ?? 3);
const port = 5001;
const layers = 12;
const layerBytes = 25_000_000;
const cache = '/var/cache/tscontainer-test/large';

interface Side {
  name: string;
  directory: string;
  docker(args: string[]): Promise<void>;
  /** Milliseconds. */
  pulls: number[];
  pushes: number[];
  /** Milliseconds of processor that the side's daemons took for each pull. */
  pullCpu: number[];
}

function peakMiB(pid: number): number {
  return Math.round(Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) / 1024);
}

/** User and system time of all processes below a directory, and of their ended children. */
function cpuMs(directory: string): number {
  return processesOf(directory).reduce((sum, { pid }) => {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').replace(/.*\) /, '').split(' ');
    return sum + [11, 12, 13, 14].reduce((ticks, index) => ticks + Number(fields[index]), 0) * 10;
  }, 0);
}

async function measure(side: Side, name: string, round: number): Promise<void> {
  await run('sync', []);
  const before = cpuMs(side.directory);
  side.pulls.push(Math.round(await timed(() => side.docker(['pull', '-q', name]))));
  side.pullCpu.push(cpuMs(side.directory) - before);
  const other = name.replace('/large:', `/copy-${side.name}-${round}:`);
  await side.docker(['tag', name, other]);
  if (process.env['PUSH'] !== '0') side.pushes.push(Math.round(await timed(() => side.docker(['push', '-q', other]))));
  await side.docker(['rmi', name, other]);
}

const work = mkdtempSync('/tmp/tsc-transfer-');
mkdirSync(cache, { recursive: true });
const stops: (() => Promise<void>)[] = [];
try {
  const stack = await startStack();
  stops.push(() => stack.stop());
  const real = await startRealDockerd();
  stops.push(() => real.stop());
  const image = await makeLargeImage(cache, layers, layerBytes);
  const tls = await makeCertificates(work);
  writeFileSync(join(work, 'htpasswd'), await runOk('htpasswd', ['-nbB', 'alice', 'wonder']));
  const auth = { htpasswd: { realm: 'test', path: join(work, 'htpasswd') } };
  const host = `127.0.0.1:${port}`;
  const name = `${host}/large:latest`;
  const sides: Side[] = [];
  for (const [who, { network, socket, directory: own }] of [
    ['ours', stack],
    ['docker', real],
  ] as const) {
    const directory = join(work, who);
    mkdirSync(directory);
    const registry = await startRegistry(network, directory, { port, tls, auth, storage: join(work, 'storage') });
    stops.push(registry.stop);
    if (who === 'ours')
      await skopeoCopy(network, image, `docker://${name}`, ['--preserve-digests', '--dest-creds', 'alice:wonder']);
    writeFileSync(
      join(directory, 'config.json'),
      JSON.stringify({ auths: { [host]: { auth: btoa('alice:wonder') } } }),
    );
    const docker = async (args: string[]) => {
      const env = { DOCKER_HOST: `unix://${socket}`, DOCKER_CONFIG: directory };
      await runOk('/usr/bin/docker', args, { env, timeoutMs: 300_000 });
    };
    sides.push({ name: who, directory: own, docker, pulls: [], pushes: [], pullCpu: [] });
  }
  const certificates = join(stack.directory, 'data/certs.d', host);
  mkdirSync(certificates, { recursive: true });
  writeFileSync(join(certificates, 'ca.crt'), readFileSync(tls.ca));
  for (let round = 0; round < rounds; round++) {
    for (const side of sides) await measure(side, name, round);
    console.log(
      sides.map(({ name: who, pulls, pushes }) => `${who} ${pulls.at(-1)} ${pushes.at(-1) ?? '-'}`).join(', '),
    );
  }
  for (const { name: who, pulls, pushes, pullCpu } of sides)
    console.log(
      `${who}: pull ${median(pulls)} ms (${pulls.join(' ')}), of processor ${median(pullCpu)}, push ${median(pushes)} ms (${pushes.join(' ')})`,
    );
  for (const daemon of ['tscontainerd', 'tsengined'] as const)
    console.log(`${daemon}: peak ${stack.pids(daemon).map(peakMiB).join(' ')} MiB`);
} finally {
  for (const stop of stops.reverse()) await stop();
  rmSync(work, { recursive: true, force: true });
}
