// Creates tasks in their shims, and takes away what a failed creation left. Called by the task manager alone.
import { errorMessageOf } from '@tscontainer/core/errors';
import type { StartResponse } from '@tscontainer/platform/contracts/containerd/task/v2/task';
import { failpoint } from '@tscontainer/platform/failpoint';
import type { Logger } from '@tscontainer/platform/logger';
import type { Container } from '../containers/container-store.ts';
import type { AnyMessage } from '../events/event-exchange.ts';
import type { BundleStore } from './bundle-store.ts';
import type { ForeignShims } from './foreign-shims.ts';
import { deleteByShim } from './shim-command.ts';
import { isConnectionLost, type ShimConnection } from './shim-connection.ts';
import type { ShimPool } from './shim-pool.ts';
import type { TaskRecord } from './task-record.ts';

export interface CreateTask {
  container: Container;
  rootfs: { type: string; source: string; target: string; options: string[] }[];
  stdin: string;
  stdout: string;
  stderr: string;
  terminal: boolean;
  options: AnyMessage | null;
  /** A directory with criu's image, to go on from. */
  checkpoint?: string;
  /** It is to be started in the same call. */
  isStarted?: boolean;
}

export interface CreatedTask {
  /** Sent with create, in one write; undefined with a foreign shim, which would not wait for the one to begin the other. */
  start: Promise<StartResponse> | undefined;
}

export interface CreatorOptions {
  /** Path of the daemon's gRPC socket. */
  address: string;
  log: Logger;
  bundles: BundleStore;
  pool: ShimPool;
  foreign: ForeignShims;
}

export class TaskCreator {
  readonly #options: CreatorOptions;

  constructor(options: CreatorOptions) {
    this.#options = options;
  }

  /** One ttrpc call; a second one when the shim died before it answered. The caller undoes a failure. */
  async create(record: TaskRecord, given: CreateTask): Promise<CreatedTask> {
    if (!record.isOwn) {
      this.#options.bundles.addForeignParts(record.bundle, record.runtimeName);
      record.shim = await this.#options.foreign.start(record, given.container.runtime?.options ?? null);
      this.#options.bundles.writeAddress(record.bundle, record.shim.address);
      return this.#call(record, record.shim, given);
    }
    record.shim = await this.#options.pool.assign();
    try {
      return await this.#call(record, record.shim, given);
    } catch (error) {
      if (!isConnectionLost(error)) throw error;
      await this.#cleanUp(record);
      this.#options.pool.release(record.shim);
      record.shim = await this.#options.pool.assign();
      return this.#call(record, record.shim, given);
    }
  }

  /** Nothing of the task is left afterwards but its bundle, which the caller removes. */
  async undo(record: TaskRecord, isShimLost: boolean): Promise<void> {
    // our own shim undoes its failed creations itself, unless it is dead
    if (isShimLost || !record.isOwn) await this.#cleanUp(record);
    await this.release(record);
  }

  /** Gives the task's place in its shim back. */
  async release(record: TaskRecord): Promise<void> {
    const { shim } = record;
    if (shim !== undefined && record.isOwn) this.#options.pool.release(shim);
    else if (shim !== undefined) await this.#options.foreign.release(shim, record);
    record.closeLog?.();
  }

  async #call(record: TaskRecord, shim: ShimConnection, given: CreateTask): Promise<CreatedTask> {
    const { namespace, id, bundle } = record;
    const { container, rootfs, stdin, stdout, stderr, terminal, checkpoint = '' } = given;
    const options = given.options?.typeUrl ? given.options : (container.runtime?.options ?? null);
    failpoint('task.create.shim');
    const io = { stdin, stdout, stderr, terminal };
    const request = { id, bundle: bundle.path, rootfs, ...io, options: options?.typeUrl ? options : null, checkpoint };
    const isFollowed = given.isStarted === true && shim.isOwn;
    const told = isFollowed ? record.startingOptions : record.tellingOptions;
    const created = shim.call('Create', request, { namespace, ...told });
    const start = isFollowed ? this.#start(record, shim) : undefined;
    record.pid = (await created).pid;
    return { start };
  }

  /** The shim begins once its create is answered; when that fails, so does this. */
  #start(record: TaskRecord, shim: ShimConnection): Promise<StartResponse> {
    const { namespace, id } = record;
    record.isStartAsked = true;
    failpoint('task.start.asked');
    const start = shim.call('Start', { id }, { namespace, ...record.startingOptions });
    start.catch(() => undefined); // the failure of create is what the caller learns
    return start;
  }

  async #cleanUp({ namespace, id, bundle, runtimeName }: TaskRecord): Promise<void> {
    const { address, log } = this.#options;
    const command = { address, runtimeName, namespace, id, workingDirectory: bundle.path, stderr: 'pipe' } as const;
    try {
      await deleteByShim(command);
    } catch (error) {
      log.warn({ id, err: errorMessageOf(error) }, 'failed create not cleaned up by its shim');
    }
  }
}
