// One connected shim: the task service's methods by name, for the containers that it serves.
import { ContainerError } from '@tscontainer/core/errors';
import type { CallOptions } from '@tscontainer/platform/call-context';
import type { Task } from '@tscontainer/platform/contracts/containerd/task/v2/task';
import type { Sent } from '@tscontainer/platform/contracts/message-forms';
import type { AdoptResponse } from '@tscontainer/platform/contracts/tscontainer/shim/v1/shim';
import { connectTtrpc, type TtrpcClient } from '@tscontainer/platform/ttrpc/ttrpc-client';
import { wireService } from '@tscontainer/platform/wire-codec';

const taskService = 'containerd.task.v2.Task';
const taskContract = wireService(taskService);
const shimService = 'tscontainer.shim.v1.Shim';
const shimContract = wireService(shimService);

const adoptTimeoutMs = 10_000;

/** The reason that platform's ttrpc gives to calls whose connection broke. */
export function isConnectionLost(error: unknown): boolean {
  return error instanceof ContainerError && error.reason === 'shim-connection-lost';
}

export class ShimConnection {
  /** `unix:///...`, as written into the bundles. */
  readonly address: string;
  readonly isOwn: boolean;
  readonly #client: TtrpcClient;
  /** Containers assigned to it; the pool counts them. */
  containerCount = 0;
  /** Its end is expected: no loss. */
  isRetired = false;
  /** The connection is gone. */
  isLost = false;

  constructor(client: TtrpcClient, isOwn: boolean) {
    this.address = client.address;
    this.isOwn = isOwn;
    this.#client = client;
    void client.closed.then(() => {
      this.isLost = true;
    });
  }

  /** Resolves when the connection is gone. */
  get closed(): Promise<void> {
    return this.#client.closed;
  }

  call<M extends keyof Task>(
    method: M,
    request: Sent<Task[M]['request']>,
    options: CallOptions,
  ): Promise<Task[M]['response']> {
    return this.#client.call(taskService, taskContract, method, request, options);
  }

  adopt(namespace: string, id: string, bundle: string): Promise<AdoptResponse> {
    return this.#client.call(
      shimService,
      shimContract,
      'Adopt',
      { id, bundle, namespace },
      { namespace, timeoutMs: adoptTimeoutMs },
    );
  }

  /** Resolves when the connection is gone, or after `timeoutMs`. */
  async closedWithin(timeoutMs: number): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, timeoutMs);
    });
    await Promise.race([this.closed, late]);
    clearTimeout(timer);
  }

  close(): void {
    this.isRetired = true;
    this.#client.close();
  }
}

/** Rejects unavailable when nobody listens there. */
export async function connectShim(address: string, isOwn: boolean): Promise<ShimConnection> {
  return new ShimConnection(await connectTtrpc(address), isOwn);
}
