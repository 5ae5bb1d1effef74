// tscontainer.shim.v1.Shim: what tscontainerd asks of its own shims, to take over the containers of a dead one.
import type * as contract from '@tscontainer/platform/contracts/tscontainer/shim/v1/shim';
import { readRuntimeChoice } from './bundle.ts';
import { readRestoration } from './restoration.ts';
import { exitFields } from './task.ts';
import type { TaskProcess } from './task-process.ts';
import type { TaskRegistry } from './task-registry.ts';
import { shimVersion } from './version.ts';

export const shimServiceName = 'tscontainer.shim.v1.Shim';

export class ShimService {
  readonly #registry: TaskRegistry;
  /** Under way, by namespace and id: a caller that asks again after its time-out waits for the same. */
  readonly #adoptions = new Map<string, Promise<void>>();

  constructor(registry: TaskRegistry) {
    this.#registry = registry;
  }

  /** Idempotent. The exits in the answer are not published as events here: only the caller knows which were seen. */
  Adopt = async (request: contract.AdoptRequest): Promise<object> => {
    const { id, bundle, namespace } = request;
    await this.#adoptOnce(namespace, id, bundle);
    const task = this.#registry.get(namespace, id);
    return { pid: task.init.pid, processes: [task.init, ...task.execs].map(toAdopted) };
  };

  Info = async (): Promise<object> => ({ pid: process.pid, containers: this.#registry.count, version: shimVersion });

  async #adoptOnce(namespace: string, id: string, bundle: string): Promise<void> {
    const key = `${namespace}/${id}`;
    const underWay = this.#adoptions.get(key);
    if (underWay !== undefined || this.#registry.has(namespace, id)) return underWay;
    const adoption = this.#adopt(namespace, id, bundle).finally(() => this.#adoptions.delete(key));
    this.#adoptions.set(key, adoption);
    return adoption;
  }

  async #adopt(namespace: string, id: string, bundle: string): Promise<void> {
    const io = readRestoration(bundle)?.io ?? { stdin: '', stdout: '', stderr: '', terminal: false };
    const task = this.#registry.add(namespace, id, bundle, io, readRuntimeChoice(bundle, namespace));
    try {
      await task.adopt();
    } catch (error) {
      this.#registry.remove(task);
      throw error;
    }
  }
}

function toAdopted(process: TaskProcess): object {
  return { execId: process.execId, pid: process.pid, exited: process.exit !== undefined, ...exitFields(process.exit) };
}
