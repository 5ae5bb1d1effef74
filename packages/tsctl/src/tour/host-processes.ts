// What the host's /proc says about processes: parents, children, names, namespaces. The tour's experiments read it.
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

export interface HostProcess {
  pid: number;
  parent: number;
  /** The kernel's name for it, at most 15 characters. */
  name: string;
  command: string;
}

/** The namespaces a container may have of its own, as /proc/PID/ns names them. */
export const namespaceNames = ['cgroup', 'ipc', 'mnt', 'net', 'pid', 'time', 'user', 'uts'] as const;
export type NamespaceName = (typeof namespaceNames)[number];

/** Undefined for a process that has ended. */
export function processOf(pid: number): HostProcess | undefined {
  const status = read(`/proc/${pid}/status`);
  if (status === '') return undefined;
  const name = /^Name:\t(.*)$/m.exec(status)?.[1] ?? '';
  const parent = Number(/^PPid:\t(\d+)$/m.exec(status)?.[1] ?? 0);
  const command = read(`/proc/${pid}/cmdline`).replaceAll('\0', ' ').trim();
  // Node calls its main thread so; the program is then named by its first argument
  const shown = name === 'MainThread' ? (command.split(' ')[0] ?? name) : name;
  return { pid, parent, name: shown, command: command || `[${name}]` };
}

/** From the process up to pid 1, itself first. */
export function ancestorsOf(pid: number): HostProcess[] {
  const chain: HostProcess[] = [];
  for (let current = processOf(pid); current !== undefined; current = processOf(current.parent)) chain.push(current);
  return chain;
}

export function childrenOf(pid: number): HostProcess[] {
  return allProcesses().filter((each) => each.parent === pid);
}

/** The manager that a shim reports to, by the address both name; undefined when it is not running. */
export function managerOf(shim: HostProcess): HostProcess | undefined {
  const address = / -address (\S+)/.exec(shim.command)?.[1];
  if (address === undefined) return undefined;
  return allProcesses().find(
    (each) => each.pid !== shim.pid && !each.command.includes('shim') && each.command.includes(`--address ${address}`),
  );
}

function allProcesses(): HostProcess[] {
  const pids = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number);
  return pids.map(processOf).filter((each) => each !== undefined);
}

/** The pids of a process from the outermost namespace that we see to its own: `[4711, 1]`. */
export function pidsOf(pid: number): number[] {
  return (/^NSpid:\s+(.*)$/m.exec(read(`/proc/${pid}/status`))?.[1] ?? '')
    .split(/\s+/)
    .filter((text) => text !== '')
    .map(Number);
}

/** `pid:[4026531836]`; '' when it cannot be read. */
export function namespaceLink(pid: number | 'self', name: NamespaceName): string {
  try {
    return readlinkSync(`/proc/${pid}/ns/${name}`);
  } catch {
    return ''; // the process has ended, or this kernel has no such namespace: shown as it is
  }
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return ''; // processes end while we look
  }
}
