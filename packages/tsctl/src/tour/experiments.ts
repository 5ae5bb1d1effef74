// The six experiments of "How Docker runs", each live: what it does, the real output, what to look at, and its check.
import { chmodSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  ancestorsOf,
  childrenOf,
  type HostProcess,
  managerOf,
  namespaceLink,
  namespaceNames,
  pidsOf,
} from './host-processes.ts';
import type { Stage } from './stage.ts';

export interface Experiment {
  letter: string;
  title: string;
  perform: (stage: Stage) => Promise<void>;
}

/** None of them needs more than a loopback interface. */
const noNetwork = ['--network', 'none'];

export const experiments: readonly Experiment[] = [
  { letter: 'a', title: 'Who am I, outside and inside?', perform: identity },
  { letter: 'b', title: 'A file on a shared volume: whose is it?', perform: sharedVolume },
  { letter: 'c', title: 'One process, two pids', perform: twoPids },
  { letter: 'd', title: 'The process tree on the host', perform: processTree },
  { letter: 'e', title: 'Namespaces: which are shared, which are its own?', perform: namespaces },
  { letter: 'f', title: 'unshare: namespaces without a container', perform: unshare },
];

async function identity(stage: Stage): Promise<void> {
  const outside = stage.host('id');
  const inside = stage.tsctl('run', '--rm', ...noNetwork, stage.image, 'id');
  stage.lookAt(
    'The process inside is root too: without a user namespace it is the very same uid 0. What it lacks are capabilities.',
  );
  stage.expect('inside the container the user is uid 0', inside.stdout.startsWith('uid=0'));
  stage.expect(
    'outside, the command runs as the uid of this process',
    outside.stdout.startsWith(`uid=${process.getuid?.()}`),
  );
}

async function sharedVolume(stage: Stage): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'tsctl-tour-'));
  stage.afterwards(() => rmSync(directory, { recursive: true, force: true }));
  chmodSync(directory, 0o777); // the mapped root below is nobody special here
  const volume = `${directory}:/shared`;
  stage.tsctl('run', '--rm', ...noNetwork, '-v', volume, stage.image, 'touch', '/shared/from-root');
  stage.tsctl(
    'run',
    '--rm',
    ...noNetwork,
    '--userns',
    'private',
    '-v',
    volume,
    stage.image,
    'touch',
    '/shared/from-mapped-root',
  );
  stage.host('ls', '-ln', directory);
  stage.lookAt(
    "Both were made by uid 0 inside. The first is root's outside as well; the second belongs to the host's uid that the user namespace maps 0 to.",
  );
  stage.expect('the first file is owned by uid 0', ownerOf(join(directory, 'from-root')) === 0);
  stage.expect(
    'the second file is owned by a mapped, unprivileged uid',
    ownerOf(join(directory, 'from-mapped-root')) > 0,
  );
}

/** -1 when there is no such file. */
function ownerOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.uid ?? -1;
}

async function twoPids(stage: Stage): Promise<void> {
  const name = stage.container(nameFor('pids'), [...noNetwork, stage.image, 'sleep', '300']);
  if (name === undefined) return;
  const inside = stage.tsctl('exec', name, 'ps');
  const pid = stage.pidOf(name);
  const pids = pidsOf(pid);
  stage.say(`\n/proc/${pid}/status on the host says NSpid: ${pids.join(' ')}`);
  stage.lookAt(`The same sleep is pid 1 inside and pid ${pid} outside: the kernel keeps a number per pid namespace.`);
  stage.expect('ps inside shows it as pid 1', /^\s*1\s.*sleep/m.test(inside.stdout));
  stage.expect('the host sees it under another pid', pid > 1 && pids[0] === pid && pids.at(-1) === 1);
}

async function processTree(stage: Stage): Promise<void> {
  const shell = 'watch -n 2 ps; echo the watch has ended';
  const name = stage.container(nameFor('tree'), ['-i', ...noNetwork, stage.image, 'sh', '-c', shell]);
  if (name === undefined) return;
  const pid = stage.pidOf(name);
  const children = await eventually(
    () => childrenOf(pid),
    (found) => found.length > 0,
  );
  const chain = ancestorsOf(pid).reverse();
  const shim = chain.find((each) => each.command.includes('containerd-shim'));
  showManager(stage, shim, chain);
  stage.say("\nThe host sees, from its first process down to the container's:");
  showChain(stage, [...chain, ...children.slice(0, 1)], pid);
  stage.lookAt(
    "The shim starts a monitor (tsrunc), and that is the parent of the container's shell, which starts its watch.",
  );
  stage.lookAt('Kill any of the daemons above: the container does not notice.');
  stage.expect('a shim is above the shell', shim !== undefined);
  stage.expect(
    "the shell's child is the watch",
    children.some((each) => /\bwatch\b/.test(each.command)),
  );
}

/** The manager is no ancestor of a shim that let go of it, so that its end takes nothing along. */
function showManager(stage: Stage, shim: HostProcess | undefined, chain: readonly HostProcess[]): void {
  const manager = shim === undefined ? undefined : managerOf(shim);
  if (manager === undefined || chain.some((each) => each.pid === manager.pid)) return;
  stage.say(`\nThe engine and the manager (${manager.name}), which started the shim ${shim?.pid} and let go of it:`);
  showChain(stage, ancestorsOf(manager.pid).reverse().slice(1), 0);
}

function showChain(stage: Stage, chain: readonly HostProcess[], pid: number): void {
  for (const [depth, each] of chain.entries()) {
    const isInside = each.pid === pid ? '   <- pid 1 of the container' : '';
    const command = each.command.replace(/ --\S+( --\S+)* -- \S+\.mjs/, '').slice(0, 60);
    stage.say(`  ${String(each.pid).padStart(7)} ${'  '.repeat(depth)}${each.name}: ${command}${isInside}`);
  }
}

async function namespaces(stage: Stage): Promise<void> {
  const name = stage.container(nameFor('ns'), [...noNetwork, stage.image, 'sleep', '300']);
  if (name === undefined) return;
  const pid = stage.pidOf(name);
  stage.say(`\n  ${'namespace'.padEnd(11)}${`/proc/${pid}/ns`.padEnd(24)}${'/proc/self/ns'.padEnd(24)}`);
  const own = namespaceNames.filter((kind) => {
    const [inside, outside] = [namespaceLink(pid, kind), namespaceLink('self', kind)];
    stage.say(`  ${kind.padEnd(11)}${inside.padEnd(24)}${outside.padEnd(24)}${inside === outside ? 'shared' : 'own'}`);
    return inside !== outside;
  });
  stage.lookAt(
    'Equal numbers are the same namespace. A container is a process whose numbers differ: no more, no less.',
  );
  stage.expect(
    'pid, mnt, uts, ipc and net are its own',
    (['pid', 'mnt', 'uts', 'ipc', 'net'] as const).every((kind) => own.includes(kind)),
  );
  stage.expect('the user namespace is shared unless asked for', !own.includes('user'));
}

async function unshare(stage: Stage): Promise<void> {
  const plain = stage.tsctl('unshare', '--pid', 'sh', '-c', 'echo my pid is $$');
  const forked = stage.tsctl('unshare', '--pid', '--fork', '--mount-proc', 'sh', '-c', 'echo my pid is $$');
  stage.lookAt(
    'unshare(2) gives a new pid namespace to the children only. The program itself keeps its pid; with --fork it is a child: pid 1.',
  );
  stage.expect('without --fork the program keeps its host pid', plain.stdout.trim() === `my pid is ${plain.pid}`);
  stage.expect('with --fork its pid is 1', forked.stdout.trim() === 'my pid is 1');
}

/** Distinct from other tours on the same engine. */
function nameFor(what: string): string {
  return `tour-${what}-${process.pid}`;
}

const maxLooks = 50;
const lookDelayMs = 20;

/** Looks until it is so, a bounded number of times. */
async function eventually<T>(look: () => T, isSo: (found: T) => boolean): Promise<T> {
  let found = look();
  for (let looks = 1; looks < maxLooks && !isSo(found); looks += 1) {
    await new Promise((resolve) => setTimeout(resolve, lookDelayMs));
    found = look();
  }
  return found;
}
