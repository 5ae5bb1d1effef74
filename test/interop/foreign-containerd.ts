// Runs the distribution's containerd for a test: its own directories, network namespace, /run and /opt.
import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { GrpcConnection } from '@tscontainer/platform/grpc-client';
import { until } from '../harness/command.ts';
import { addNetworkNamespace } from '../harness/network-namespace.ts';
import { processesOf } from '../harness/processes.ts';

export interface ForeignContainerd {
  directory: string;
  connection: GrpcConnection;
  /** How the host reaches a path that the daemon knows, such as a shim's socket in its private /run. */
  hostPath(path: string): string;
  stop(): Promise<void>;
}

function configuration(directory: string): string {
  return `version = 2
root = "${directory}/root"
state = "${directory}/state"
disabled_plugins = ["io.containerd.grpc.v1.cri", "io.containerd.internal.v1.opt"]
[grpc]
  address = "${directory}/containerd.sock"
`;
}

/** Story: `startForeignContainerd`, use, `stop`. Shims keep their sockets in /run, hence a /run of its own. */
export async function startForeignContainerd(): Promise<ForeignContainerd> {
  const directory = mkdtempSync('/tmp/tsc-foreign-');
  const network = await addNetworkNamespace();
  mkdirSync(join(directory, 'root'));
  writeFileSync(join(directory, 'config.toml'), configuration(directory));
  const log = openSync(join(directory, 'containerd.log'), 'a');
  const script = 'mount -t tmpfs -o mode=755 run /run && exec containerd --config "$0"';
  const [file, args] = network.enter('unshare', ['--mount', 'sh', '-c', script, join(directory, 'config.toml')]);
  const daemon = spawn(file, args, { stdio: ['ignore', log, log] });
  const connection = new GrpcConnection(join(directory, 'containerd.sock'));

  const stop = async () => {
    connection.close();
    for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
      for (const { pid } of processesOf(directory)) process.kill(pid, signal);
      await until('containerd gone', 5000, () => (processesOf(directory).length === 0 ? true : undefined)).catch(
        () => undefined, // what a SIGTERM leaves is killed next
      );
    }
    await network.remove();
    rmSync(directory, { recursive: true, force: true });
  };
  try {
    await connection.ready(15_000);
  } catch (error) {
    const tail = readFileSync(join(directory, 'containerd.log'), 'utf8').slice(-3000);
    await stop();
    throw new Error(`containerd does not answer: ${String(error)}\n${tail}`);
  }
  return { directory, connection, hostPath: (path) => `/proc/${daemon.pid}/root${path}`, stop };
}
