// What an ephemeral engine leaves when it has stopped, in good order or not: taken away here, the last thing that it does.
import { readdirSync, readFileSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { errorMessageOf } from '@tscontainer/core/errors';
import { unmountBelow } from '@tscontainer/linux/mounts';
import { removeTree } from '@tscontainer/linux/tree';
import type { Logger } from '@tscontainer/platform/logger';
import { hierarchies } from '../containers/parent-cgroup.ts';

export interface Traces {
  dataRoot: string;
  execRoot: string;
  /** The engine's own: everything in it is ended. */
  cgroupParent: string;
}

const daemons = /^(tscontainerd|containerd-shim|tsrunc)/;
const maxRounds = 100;
const roundMs = 20;

/** Logs what it cannot take away, and goes on with the rest. */
export async function eraseTraces(traces: Traces, log: Logger): Promise<void> {
  const roots = [traces.dataRoot, traces.execRoot];
  const cgroups = hierarchies().map((root) => join(root, traces.cgroupParent));
  await untilNone(() => endProcesses([...daemonsOf(roots), ...cgroups.flatMap(processesIn)]));
  for (const root of roots) {
    await unmountBelow(root)
      .then(() => removeTree(root))
      .catch((error) => log.warn({ root, err: errorMessageOf(error) }, 'directory stays'));
  }
  if (!(await untilNone(() => cgroups.filter((path) => !removeCgroup(path)))))
    log.warn({ cgroup: traces.cgroupParent }, 'cgroup stays');
}

/** Asks until nothing is left; false when something is after a bounded time. */
async function untilNone(step: () => unknown[]): Promise<boolean> {
  for (let round = 0; round < maxRounds; round++) {
    if (step().length === 0) return true;
    await sleep(roundMs);
  }
  return false;
}

/** Those that were there. */
function endProcesses(pids: number[]): number[] {
  return pids.filter((pid) => {
    try {
      process.kill(pid, 'SIGKILL');
      return true;
    } catch {
      return false; // it has ended meanwhile
    }
  });
}

/** Our own programs that name one of the roots in their command line. */
function daemonsOf(roots: string[]): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => pid !== process.pid && isDaemonOf(pid, roots));
}

function isDaemonOf(pid: number, roots: string[]): boolean {
  try {
    if (!daemons.test(readFileSync(`/proc/${pid}/comm`, 'utf8'))) return false;
    const words = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
    return words.some((word) => roots.some((root) => word === root || word.includes(`${root}/`)));
  } catch {
    return false; // it has ended meanwhile
  }
}

function processesIn(cgroup: string): number[] {
  try {
    const own = readFileSync(join(cgroup, 'cgroup.procs'), 'utf8').split('\n').filter(Boolean).map(Number);
    return [...own, ...childrenOf(cgroup).flatMap(processesIn)];
  } catch {
    return []; // no such cgroup
  }
}

function childrenOf(cgroup: string): string[] {
  return readdirSync(cgroup, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => join(cgroup, entry.name));
}

/** False: something is still in it. */
function removeCgroup(cgroup: string): boolean {
  try {
    for (const child of childrenOf(cgroup)) removeCgroup(child);
    rmdirSync(cgroup);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ENOENT';
  }
}
