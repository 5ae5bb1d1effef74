// What the containers of one caller left on the machine: told by its directory and its cgroup parent, so that other
// daemons at work beside it do not matter. For the tests that put tsrunc below a real caller.
import { existsSync, lstatSync, readdirSync, readFileSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';
import { processesOf } from './processes.ts';

const controllers = '/sys/fs/cgroup';

function below(directory: string): string[] {
  if (!existsSync(directory)) return [];
  return readdirSync(directory)
    .map((name) => join(directory, name))
    .filter((path) => lstatSync(path, { throwIfNoEntry: false })?.isDirectory())
    .flatMap((path) => [path, ...below(path)]);
}

/** The parent itself is the caller's and does not count. */
export function cgroupsBelow(parent: string): string[] {
  return readdirSync(controllers).flatMap((controller) => below(join(controllers, controller, parent)));
}

export function removeCgroupParent(parent: string): void {
  for (const controller of readdirSync(controllers)) {
    const path = join(controllers, controller, parent);
    for (const group of below(path).reverse()) rmdirSync(group);
    if (existsSync(path)) rmdirSync(path);
  }
}

/** Mounts and processes of `directory`, and cgroups of `cgroupParent`, a line each. */
export function leftovers(directory: string, cgroupParent: string): string[] {
  const mounts = readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .map((line) => line.split(' ')[4] ?? '')
    .filter((path) => path.startsWith(`${directory}/`));
  return [
    ...mounts.map((path) => `mount ${path}`),
    ...cgroupsBelow(cgroupParent).map((path) => `cgroup ${path}`),
    ...processesOf(directory).map(({ pid, comm }) => `process ${pid} ${comm}`),
  ].sort();
}
