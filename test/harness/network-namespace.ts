// A network namespace of a test's own: daemons run inside it, and the machine's own network never sees them.
import { randomBytes } from 'node:crypto';
import { runOk } from './command.ts';

export interface NetworkNamespace {
  path: string;
  /** Puts `nsenter` in front of a command (`ip netns exec` would remount /sys and hide the cgroups). */
  enter(file: string, args: string[]): [string, string[]];
  remove(): Promise<void>;
}

export async function addNetworkNamespace(): Promise<NetworkNamespace> {
  const name = `tsc-${randomBytes(4).toString('hex')}`;
  await runOk('ip', ['netns', 'add', name]);
  const path = `/run/netns/${name}`;
  await runOk('nsenter', [`--net=${path}`, 'ip', 'link', 'set', 'lo', 'up']);
  return {
    path,
    enter: (file, args) => ['nsenter', [`--net=${path}`, file, ...args]],
    remove: async () => {
      await runOk('ip', ['netns', 'del', name]);
    },
  };
}
