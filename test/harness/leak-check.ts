// Compares the machine before and after: mounts, cgroups, network namespaces, links, and processes of the stack.
import { lstatSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { hostProcesses } from './processes.ts';

export interface MachineSnapshot {
  mounts: string[];
  cgroups: string[];
  networkNamespaces: string[];
  links: string[];
  processes: string[];
}

const stackCommands = /^(tsengined|tscontainerd|tsrunc|tsrunc-monitor|containerd-shim)/;

export function snapshotMachine(): MachineSnapshot {
  return {
    mounts: readFileSync('/proc/self/mountinfo', 'utf8')
      .split('\n')
      .map((line) => line.split(' ')[4] ?? '')
      .filter((path) => path !== '')
      .sort(),
    cgroups: cgroupDirectories('/sys/fs/cgroup').sort(),
    networkNamespaces: list('/run/netns'),
    links: list('/sys/class/net'),
    processes: hostProcesses()
      .filter((found) => stackCommands.test(found.comm))
      .map((found) => `${found.pid} ${found.comm}`)
      .sort(),
  };
}

/** What `after` has that `before` had not, one line each: empty when nothing leaked. */
export function leaksBetween(before: MachineSnapshot, after: MachineSnapshot): string[] {
  return (Object.keys(before) as (keyof MachineSnapshot)[]).flatMap((kind) => {
    const known = new Map<string, number>();
    for (const entry of before[kind]) known.set(entry, (known.get(entry) ?? 0) + 1);
    return after[kind]
      .filter((entry) => {
        const count = known.get(entry) ?? 0;
        known.set(entry, count - 1);
        return count <= 0;
      })
      .map((entry) => `${kind}: ${entry}`);
  });
}

function list(directory: string): string[] {
  try {
    return readdirSync(directory).sort();
  } catch {
    return []; // not there is the same as empty
  }
}

function cgroupDirectories(root: string): string[] {
  return list(root).flatMap((name) => {
    const child = join(root, name);
    // a cgroup may be removed while we look: then it is no directory any more
    return lstatSync(child, { throwIfNoEntry: false })?.isDirectory() ? [child, ...cgroupDirectories(child)] : [];
  });
}
