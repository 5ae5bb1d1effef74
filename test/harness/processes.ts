// Looks at the host's processes through /proc: who belongs to a test's stack, by its directory in their command line.
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

export interface HostProcess {
  pid: number;
  parent: number;
  comm: string;
  cmdline: string;
}

export function hostProcess(pid: number): HostProcess | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const close = stat.lastIndexOf(')');
    const comm = stat.slice(stat.indexOf('(') + 1, close);
    const [state, parent] = stat.slice(close + 2).split(' ');
    if (state === 'Z') return undefined;
    const cmdline = readFileSync(`/proc/${pid}/cmdline`, 'latin1').replaceAll('\0', ' ').trim();
    return { pid, parent: Number(parent), comm, cmdline };
  } catch {
    return undefined; // it ended meanwhile
  }
}

export function hostProcesses(): HostProcess[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((name) => hostProcess(Number(name)))
    .filter((found) => found !== undefined);
}

export function processesOf(directory: string): HostProcess[] {
  return hostProcesses().filter((found) => found.pid !== process.pid && found.cmdline.includes(directory));
}

export function isAlive(pid: number): boolean {
  return hostProcess(pid) !== undefined;
}

/** The link of /proc/PID/ns/TYPE, e.g. `pid:[4026531836]`. */
export function namespaceLink(pid: number | 'self', type: string): string {
  return readlinkSync(`/proc/${pid}/ns/${type}`);
}

/** Sum of proportional set sizes, KiB. */
export function pssKib(pids: number[]): number {
  let sum = 0;
  for (const pid of pids) {
    try {
      sum += Number(/^Pss:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'latin1'))?.[1] ?? 0);
    } catch {
      // it ended meanwhile: it holds nothing
    }
  }
  return sum;
}
