// Shims that are not ours, e.g. containerd-shim-runc-v2: started per container, found again, shut down after the last one.
import { errorMessageOf } from '@tscontainer/core/errors';
import type { Logger } from '@tscontainer/platform/logger';
import type { DaemonConfig } from '../daemon-config.ts';
import type { AnyMessage } from '../events/event-exchange.ts';
import { startShimProcess } from './shim-command.ts';
import { connectShim, isConnectionLost, type ShimConnection } from './shim-connection.ts';
import { readShimLog } from './shim-log-reader.ts';
import type { TaskRecord } from './task-record.ts';

/** A shim that ends after its last container is given so long. */
const shutdownTimeoutMs = 3000;

export class ForeignShims {
  readonly #config: DaemonConfig;
  readonly #log: Logger;
  readonly #onConnected: (shim: ShimConnection) => void;
  readonly #byAddress = new Map<string, ShimConnection>();

  constructor(config: DaemonConfig, log: Logger, onConnected: (shim: ShimConnection) => void) {
    this.#config = config;
    this.#log = log;
    this.#onConnected = onConnected;
  }

  /** Brings one up for the task, or finds the one of its group, by the shim's own `start`. */
  async start(record: TaskRecord, runtimeOptions: AnyMessage | null): Promise<ShimConnection> {
    const { namespace, id, bundle, runtimeName } = record;
    record.closeLog = readShimLog(bundle, this.#log).close;
    const { address, logLevel } = this.#config;
    const isDebug = logLevel === 'debug' || logLevel === 'trace';
    const command = { address, runtimeName, namespace, id, workingDirectory: bundle.path, isDebug, runtimeOptions };
    return this.#connect(await startShimProcess({ ...command, stderr: 'pipe' }));
  }

  /** The shim of a task of an earlier life of the daemon. Rejects unavailable when it is gone. */
  async reconnect(record: TaskRecord, address: string): Promise<ShimConnection> {
    const shim = await this.#connect(address);
    record.closeLog = readShimLog(record.bundle, this.#log).close;
    return shim;
  }

  /** After its last container it is asked to end, and does so by itself. */
  async release(shim: ShimConnection, { namespace, id }: TaskRecord): Promise<void> {
    shim.containerCount -= 1;
    if (shim.containerCount === 0) shim.isRetired = true;
    try {
      await shim.call('Shutdown', { id, now: false }, { namespace, timeoutMs: shutdownTimeoutMs });
    } catch (error) {
      if (!isConnectionLost(error)) this.#log.warn({ id, err: errorMessageOf(error) }, 'shim not shut down');
    }
    if (shim.containerCount > 0) return;
    await shim.closedWithin(shutdownTimeoutMs);
    shim.close();
  }

  close(): void {
    for (const shim of this.#byAddress.values()) shim.close();
  }

  /** Containers of one group have one address. */
  async #connect(address: string): Promise<ShimConnection> {
    const known = this.#byAddress.get(address);
    const shim = known?.isLost === false && !known.isRetired ? known : await connectShim(address, false);
    if (shim !== known) {
      this.#byAddress.set(address, shim);
      void shim.closed.then(() => {
        if (this.#byAddress.get(address) === shim) this.#byAddress.delete(address);
      });
      this.#onConnected(shim);
    }
    shim.containerCount += 1;
    return shim;
  }
}
