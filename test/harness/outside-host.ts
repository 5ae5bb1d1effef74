// Another host beside a daemon's network namespace: a namespace of its own, with a cable between them.
import { randomBytes } from 'node:crypto';
import { type CommandResult, run, runOk } from './command.ts';
import { addNetworkNamespace, type NetworkNamespace } from './network-namespace.ts';

export interface OutsideHost {
  /** The daemon's side of the cable. */
  daemonAddress: string;
  daemonAddress6: string;
  address: string;
  address6: string;
  network: NetworkNamespace;
  run(file: string, args: string[]): Promise<CommandResult>;
  remove(): Promise<void>;
}

export async function addOutsideHost(daemon: NetworkNamespace): Promise<OutsideHost> {
  const network = await addNetworkNamespace();
  const name = `o${randomBytes(4).toString('hex')}`;
  const inDaemon = (...args: string[]) => runOk(...daemon.enter('ip', args));
  const outside = (...args: string[]) => runOk(...network.enter('ip', args));
  await inDaemon('link', 'add', name, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', network.path);
  await inDaemon('address', 'add', '192.0.2.1/24', 'dev', name);
  await inDaemon('address', 'add', '2001:db8::1/64', 'dev', name, 'nodad');
  await inDaemon('link', 'set', name, 'up');
  await outside('address', 'add', '192.0.2.2/24', 'dev', 'eth0');
  await outside('address', 'add', '2001:db8::2/64', 'dev', 'eth0', 'nodad');
  await outside('link', 'set', 'eth0', 'up');
  // it would send to containers directly, if that led anywhere
  await outside('route', 'add', 'default', 'via', '192.0.2.1');
  await outside('-6', 'route', 'add', 'default', 'via', '2001:db8::1');
  return {
    daemonAddress: '192.0.2.1',
    daemonAddress6: '2001:db8::1',
    address: '192.0.2.2',
    address6: '2001:db8::2',
    network,
    run: (file, args) => run(...network.enter(file, args)),
    remove: async () => {
      await run(...daemon.enter('ip', ['link', 'del', name]));
      await network.remove();
    },
  };
}
