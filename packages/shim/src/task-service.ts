// containerd.task.v2.Task over the registry: reads requests, answers in containerd's messages. All seventeen methods.
import { join } from 'node:path';
import { ContainerError } from '@tscontainer/core/errors';
import type { CheckpointRequest } from '@tscontainer/linux/runtime';
import { type CallContext, eventsAnswered, eventsKey, startKey } from '@tscontainer/platform/call-context';
import type * as contract from '@tscontainer/platform/contracts/containerd/task/v2/task';
import type { Any, Empty } from '@tscontainer/platform/contracts/google/protobuf/well-known';
import { failpoint } from '@tscontainer/platform/failpoint';
import { wireMessage } from '@tscontainer/platform/wire-codec';
import { chooseRuntime } from './bundle.ts';
import { readMemoryDetails } from './cgroup-figures.ts';
import { toMetrics } from './metrics.ts';
import { statusName } from './process-state.ts';
import { readRuntimeOptions } from './runtime-options.ts';
import { criuDirectory, exitFields, type Task } from './task.ts';
import { checkedIo } from './task-io.ts';
import type { TaskRegistry } from './task-registry.ts';
import { shimVersion } from './version.ts';

export const taskServiceName = 'containerd.task.v2.Task';

const checkpointOptions = wireMessage<CheckpointRequest>('containerd.runc.v1.CheckpointOptions');
const processDetails = wireMessage<{ execId: string }>('containerd.runc.v1.ProcessDetails');

export interface TaskServiceOptions {
  registry: TaskRegistry;
  /** The namespace of a call that names none: what the shim was started with. */
  namespace: string;
  /** Asked to end; called only when no container is left. */
  onShutdown: () => void;
}

const nothing: Empty = {};

export class TaskService {
  readonly #options: TaskServiceOptions;

  constructor(options: TaskServiceOptions) {
    this.#options = options;
  }

  State = async (request: contract.StateRequest, context: CallContext): Promise<object> => {
    const task = this.#task(request.id, context);
    const process = task.process(request.execId);
    const { execId, pid, io } = process;
    const { stdin, stdout, stderr, terminal } = io;
    return {
      id: task.id,
      bundle: task.bundle,
      pid,
      status: statusName(process.status),
      stdin,
      stdout,
      stderr,
      terminal,
      execId,
      ...exitFields(process.exit),
    };
  };

  Create = async (request: contract.CreateTaskRequest, context: CallContext): Promise<object> => {
    const options = readRuntimeOptions(request.options);
    const { noPivotRoot, noNewKeyring, systemdCgroup } = options;
    const io = checkedIo(request);
    const namespace = this.#namespace(context);
    const { id, bundle } = request;
    const rootfs = request.rootfs.map(({ type, source, options }) => ({ type, source, options }));
    const { registry } = this.#options;
    const task = registry.add(namespace, id, bundle, io, chooseRuntime(bundle, namespace, options));
    failpoint('shim.create.noted');
    if (isStartFollowing(context)) void task.init.expectStart();
    try {
      const creation = { id, bundle, io, rootfs, noPivotRoot, noNewKeyring, systemdCgroup };
      const teller = tellerOf(context);
      if (request.checkpoint === '') return { pid: await task.create(creation, teller) };
      const workPath = options.criuWorkPath || join(bundle, criuDirectory);
      const restoration = { ...creation, imagePath: request.checkpoint, workPath };
      return { pid: await task.createFromCheckpoint(restoration, teller) };
    } catch (error) {
      registry.remove(task);
      throw error;
    }
  };

  Start = async (request: contract.StartRequest, context: CallContext): Promise<object> => {
    return {
      pid: await this.#task(request.id, context).start(request.execId, tellerOf(context), isStartFollowing(context)),
    };
  };

  Delete = async (request: contract.DeleteRequest, context: CallContext): Promise<object> => {
    const task = this.#task(request.id, context);
    const { pid, exit } = await task.delete(request.execId, tellerOf(context));
    if (request.execId === '') this.#options.registry.remove(task);
    return { pid, ...exitFields(exit) };
  };

  Pids = async (request: contract.PidsRequest, context: CallContext): Promise<object> => {
    const task = this.#task(request.id, context);
    const execs = new Map([...task.execs].map((process) => [process.pid, process.execId]));
    const pids = await task.runtime.pids(task.id);
    return { processes: pids.map((pid) => ({ pid, info: detailsOf(execs.get(pid)) })) };
  };

  Pause = async (request: contract.PauseRequest, context: CallContext): Promise<Empty> => {
    await this.#task(request.id, context).pause();
    return nothing;
  };

  Resume = async (request: contract.ResumeRequest, context: CallContext): Promise<Empty> => {
    await this.#task(request.id, context).resume();
    return nothing;
  };

  Checkpoint = async (request: contract.CheckpointTaskRequest, context: CallContext): Promise<Empty> => {
    await this.#task(request.id, context).checkpoint({
      ...checkpointOptions.decode(request.options?.value ?? Buffer.alloc(0)),
      imagePath: request.path,
    });
    return nothing;
  };

  Kill = async (request: contract.KillRequest, context: CallContext): Promise<Empty> => {
    await this.#task(request.id, context).kill(request.execId, request.signal, request.all);
    return nothing;
  };

  Exec = async (request: contract.ExecProcessRequest, context: CallContext): Promise<Empty> => {
    const task = this.#task(request.id, context);
    task.exec(request.execId, jsonOf(request.spec, 'exec'), checkedIo(request), tellerOf(context));
    // the caller's start follows: both answers leave together
    if (isStartFollowing(context)) await task.process(request.execId).expectStart();
    return nothing;
  };

  ResizePty = async (request: contract.ResizePtyRequest, context: CallContext): Promise<Empty> => {
    const task = this.#task(request.id, context);
    const { execId } = task.process(request.execId);
    await task.runtime.resizePty(task.id, execId, request.width, request.height);
    return nothing;
  };

  CloseIO = async (request: contract.CloseIORequest, context: CallContext): Promise<Empty> => {
    const task = this.#task(request.id, context);
    const process = task.process(request.execId);
    if (request.stdin && process.exit === undefined) await task.runtime.closeStdin(task.id, process.execId);
    return nothing;
  };

  Update = async (request: contract.UpdateTaskRequest, context: CallContext): Promise<Empty> => {
    const task = this.#task(request.id, context);
    await task.runtime.update(task.id, jsonOf(request.resources, 'update'));
    return nothing;
  };

  Wait = async (request: contract.WaitRequest, context: CallContext): Promise<object> => {
    return exitFields(await this.#task(request.id, context).process(request.execId).wait(context.signal));
  };

  Stats = async (request: contract.StatsRequest, context: CallContext): Promise<object> => {
    const task = this.#task(request.id, context);
    const stats = await task.runtime.stats(task.id);
    return { stats: toMetrics(stats, readMemoryDetails(task.cgroups)) };
  };

  Connect = async (request: contract.ConnectRequest, context: CallContext): Promise<object> => {
    const namespace = this.#namespace(context);
    const { registry } = this.#options;
    // a daemon connects before it creates: without a task the pid is 0
    const taskPid = registry.has(namespace, request.id) ? registry.get(namespace, request.id).init.pid : 0;
    return { shimPid: process.pid, taskPid, version: shimVersion };
  };

  Shutdown = async (): Promise<Empty> => {
    if (this.#options.registry.count === 0) this.#options.onShutdown();
    return nothing;
  };

  #namespace(context: CallContext): string {
    return context.namespace === '' ? this.#options.namespace : context.namespace;
  }

  #task(id: string, context: CallContext): Task {
    return this.#options.registry.get(this.#namespace(context), id);
  }
}

/** The connection of a caller that tells of the call's event itself, by its signal. */
function tellerOf(context: CallContext): AbortSignal | undefined {
  return context.metadata?.(eventsKey) === eventsAnswered ? context.signal : undefined;
}

/** Of Create or Exec: a start follows. Of Start: it follows one of these. */
function isStartFollowing(context: CallContext): boolean {
  return context.metadata?.(startKey) === '1';
}

function detailsOf(execId: string | undefined): { typeUrl: string; value: Buffer } | null {
  if (execId === undefined) return null;
  return { typeUrl: processDetails.typeName, value: processDetails.encode({ execId }) };
}

/** Runtime-spec objects travel as JSON in an Any, whatever its type is called. */
function jsonOf(any: Any | null, verb: string): string {
  if (any === null || any.value.length === 0)
    throw new ContainerError('invalid-argument', `${verb}: the request carries no JSON object`);
  return any.value.toString('utf8');
}
