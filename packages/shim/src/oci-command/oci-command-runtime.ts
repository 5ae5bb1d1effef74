// Another OCI runtime's binary (containerd.runc.v1.Options.binary_name: runc, crun) as the shim's Runtime.
//
// The verbs are the binary's; the parent of each process is `tsrunc supervise`, so that here too a killed shim loses
// neither output nor exit code. Per container, below the bundle: processes/init, processes/exec-ID, runtime.log.
import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ContainerError, errorMessageOf, isAlreadyExists, isNotFound } from '@tscontainer/core/errors';
import { checkIdentifier } from '@tscontainer/core/ids';
import { mountAll, unmountBelow } from '@tscontainer/linux/mounts';
import type {
  AdoptedProcess,
  CheckpointRequest,
  ContainerStats,
  CreatedProcess,
  CreateRequest,
  ExecRequest,
  ExitRecord,
  RestoreRequest,
  Runtime,
  RuntimeOptions,
} from '@tscontainer/linux/runtime';
import { type CgroupPaths, cgroupsOf, oomKills, readFigures } from '../cgroup-figures.ts';
import { globalWords, type OciCommandOptions, runVerb, verbError } from './oci-command.ts';
import { SupervisedProcess } from './supervised-process.ts';

type State = Awaited<ReturnType<Runtime['state']>>;

/** What is known of one container while this shim serves it. */
interface Served {
  bundle: string;
  cgroups: CgroupPaths;
  knownOomKills: number;
  /** '' is init. */
  processes: Map<string, SupervisedProcess>;
}

/** For a process whose supervisor was killed: nobody has its status. */
const lostStatus = 137;

export class OciCommandRuntime implements Runtime {
  readonly #command: OciCommandOptions;
  readonly #options: RuntimeOptions;
  readonly #served = new Map<string, Served>();
  #isClosed = false;

  constructor(command: OciCommandOptions, options: RuntimeOptions) {
    this.#command = command;
    this.#options = options;
    mkdirSync(command.root, { recursive: true, mode: 0o711 });
  }

  async create(request: CreateRequest): Promise<CreatedProcess> {
    const { noPivotRoot, noNewKeyring } = request;
    const flags = [...(noPivotRoot ? ['--no-pivot'] : []), ...(noNewKeyring ? ['--no-new-keyring'] : [])];
    return this.#makeInit(request, 'create', flags);
  }

  async restore(request: RestoreRequest): Promise<CreatedProcess> {
    const { imagePath, workPath, noPivotRoot } = request;
    mkdirSync(workPath, { recursive: true, mode: 0o700 });
    const paths = ['--image-path', imagePath, '--work-path', workPath];
    return this.#makeInit(request, 'restore', [...(noPivotRoot ? ['--no-pivot'] : []), '--detach', ...paths]);
  }

  async #makeInit(request: CreateRequest, verb: 'create' | 'restore', flags: string[]): Promise<CreatedProcess> {
    const { id, bundle, io, rootfs } = request;
    if (rootfs.length > 0) await mountAll(rootfs, join(bundle, 'rootfs'));
    try {
      const process = await this.#make(bundle, '', io, verb, ['--bundle', bundle, ...flags], id);
      this.#served.set(id, { bundle, cgroups: cgroupsOf(process.pid), knownOomKills: 0, processes: new Map() });
      return this.#watched(id, '', process);
    } catch (error) {
      // what is there already is somebody else's; else there may be nothing yet to delete
      if (!isAlreadyExists(error)) await this.#verb(bundle, ['delete', '--force', id]).catch(() => undefined);
      await unmountBelow(join(bundle, 'rootfs'));
      throw error;
    }
  }

  async start(id: string): Promise<{ steps: [] }> {
    await this.#verb(this.#of(id).bundle, ['start', id]);
    return { steps: [] };
  }

  async exec({ id, execId, process: spec, io }: ExecRequest): Promise<CreatedProcess> {
    const { bundle } = this.#of(id);
    checkIdentifier('exec id: ', execId); // it becomes part of a path
    const specFile = join(bundle, `exec-${execId}.json`);
    writeFileSync(specFile, spec, { mode: 0o600 });
    try {
      const process = await this.#make(bundle, execId, io, 'exec', ['--process', specFile, '--detach'], id);
      return this.#watched(id, execId, process);
    } finally {
      rmSync(specFile, { force: true }); // read by now; a container may have execs without end
    }
  }

  async kill(id: string, execId: string, signal: number, all: boolean): Promise<void> {
    const { bundle } = this.#of(id);
    if (execId === '') await this.#verb(bundle, ['kill', ...(all ? ['--all'] : []), id, String(signal)]);
    else signalProcess(this.#process(id, execId).pid, signal, `kill ${id} ${execId}`);
  }

  async delete(id: string, { force }: { force: boolean }): Promise<string[]> {
    const bundle = this.#served.get(id)?.bundle ?? (await this.state(id)).bundle;
    for (const process of this.#served.get(id)?.processes.values() ?? []) process.unwatch();
    await this.#verb(bundle, ['delete', ...(force ? ['--force'] : []), id]).catch((error) => {
      if (!this.#served.has(id) || !isNotFound(error)) throw error; // its own checkpoint may have deleted it
    });
    await unmountBelow(join(bundle, 'rootfs'));
    this.#served.delete(id);
    return []; // what the runtime warns of stands in its log
  }

  async deleteExec(id: string, execId: string): Promise<void> {
    this.#process(id, execId).remove();
    this.#of(id).processes.delete(execId);
  }

  async state(id: string): Promise<State> {
    // its words go to a log that is there before the bundle is known
    const log = join(this.#command.root, `.${id}.log`);
    try {
      return JSON.parse(await runVerb(this.#command, log, ['state', id])) as State;
    } finally {
      rmSync(log, { force: true });
    }
  }

  async pids(id: string): Promise<number[]> {
    return JSON.parse(await this.#verb(this.#of(id).bundle, ['ps', '--format', 'json', id])) as number[];
  }

  async pause(id: string): Promise<void> {
    await this.#verb(this.#of(id).bundle, ['pause', id]);
  }

  async resume(id: string): Promise<void> {
    await this.#verb(this.#of(id).bundle, ['resume', id]);
  }

  async update(id: string, resources: string): Promise<void> {
    const { bundle } = this.#of(id);
    const file = join(bundle, 'resources.json'); // not `-`: crun opens /dev/stdin, which Node's socket pair is not
    writeFileSync(file, resources, { mode: 0o600 });
    await this.#verb(bundle, ['update', '--resources', file, id]);
  }

  async stats(id: string): Promise<ContainerStats> {
    return readFigures(this.#of(id).cgroups);
  }

  async resizePty(id: string, execId: string, columns: number, rows: number): Promise<void> {
    const process = this.#process(id, execId);
    if (!process.io.terminal)
      throw new ContainerError('failed-precondition', `resize terminal of container ${id}: it has no terminal`);
    process.resize(columns, rows);
  }

  async closeStdin(id: string, execId: string): Promise<void> {
    this.#process(id, execId).closeStdin();
  }

  async checkpoint(id: string, request: CheckpointRequest): Promise<void> {
    await this.#verb(this.#of(id).bundle, ['checkpoint', ...checkpointFlags(request), id]);
  }

  async adopt(id: string): Promise<AdoptedProcess[]> {
    const served = this.#served.get(id) ?? (await this.#findServed(id));
    this.#served.set(id, served);
    const { bundle, processes } = served;
    const names = readdirSync(join(bundle, 'processes'));
    return names.flatMap((name) => {
      const execId = name === 'init' ? '' : name.slice('exec-'.length);
      const process = processes.get(execId) ?? SupervisedProcess.open(join(bundle, 'processes', name));
      if (process === undefined) return []; // its making was under way when the shim died: nobody was told of it
      const { end } = process;
      const isNew = !processes.has(execId);
      processes.set(execId, process);
      if (isNew && end === undefined) this.#watch(id, execId, process);
      const exit = end === undefined ? {} : { exit: { id, execId, ...end } };
      return [{ execId, pid: process.pid, monitorPid: 0, io: process.io, ...exit }];
    });
  }

  close(): void {
    this.#isClosed = true;
    for (const { processes } of this.#served.values()) for (const process of processes.values()) process.unwatch();
  }

  /** Throws not-found also for a container whose creation was cut off before its init was made. */
  async #findServed(id: string): Promise<Served> {
    const { bundle, pid } = await this.state(id);
    const init = SupervisedProcess.open(join(bundle, 'processes', 'init'));
    if (init === undefined) throw new ContainerError('not-found', `adopt ${id}: its creation was not finished`);
    return { bundle, cgroups: cgroupsOf(pid || init.pid), knownOomKills: 0, processes: new Map() };
  }

  async #make(
    bundle: string,
    execId: string,
    io: CreateRequest['io'],
    verb: 'create' | 'exec' | 'restore',
    flags: string[],
    id: string,
  ): Promise<SupervisedProcess> {
    const directory = join(bundle, 'processes', execId === '' ? 'init' : `exec-${execId}`);
    const log = logOf(bundle);
    writeFileSync(log, ''); // what stands there is of an earlier verb
    const command = (pidFile: string, socket: string | undefined) => {
      const own = ['--pid-file', pidFile, ...(socket === undefined ? [] : ['--console-socket', socket])];
      return [this.#command.binary, ...globalWords(this.#command, log), verb, ...flags, ...own, id];
    };
    const made = await SupervisedProcess.make(directory, this.#options.tsrunc, io, command);
    if (made instanceof SupervisedProcess) return made;
    const { binary } = this.#command;
    throw verbError(
      this.#command,
      verb,
      log,
      `${binary} ended with ${made.failedStatus}${made.failedStatus === 127 ? ', as one that cannot be found' : ''}`,
    );
  }

  #watched(id: string, execId: string, process: SupervisedProcess): CreatedProcess {
    this.#of(id).processes.set(execId, process);
    this.#watch(id, execId, process);
    return { pid: process.pid, monitorPid: 0, steps: [], warnings: [] };
  }

  #watch(id: string, execId: string, process: SupervisedProcess): void {
    process.watch(() => void this.#onGone(id, execId, process));
  }

  /** The supervisor has ended, after its process; or it was killed: then what it kept is ended too. */
  async #onGone(id: string, execId: string, process: SupervisedProcess): Promise<void> {
    const { end } = process;
    if (end === undefined) await this.#endUnattended(id, execId, process);
    if (this.#isClosed) return;
    const lost = { pid: process.pid, exitStatus: lostStatus, exitedAtNs: BigInt(Date.now()) * 1_000_000n };
    const exit: ExitRecord = { id, execId, ...(end ?? { ...lost, monitorLost: true }) };
    const served = this.#served.get(id);
    if (served !== undefined) this.#tellOom(id, served);
    this.#options.onExit(exit);
  }

  /** Looked at when a process ends: each kill is told once. */
  #tellOom(id: string, served: Served): void {
    const kills = oomKills(served.cgroups);
    if (kills > served.knownOomKills) this.#options.onOom?.(id);
    served.knownOomKills = kills;
  }

  async #endUnattended(id: string, execId: string, process: SupervisedProcess): Promise<void> {
    try {
      await this.kill(id, execId, 9, execId === '');
    } catch (error) {
      if (!isNotFound(error))
        writeFileSync(join(process.directory, 'lost'), `not ended: ${errorMessageOf(error)}`, { mode: 0o600 });
    }
  }

  #verb(bundle: string, words: string[]): Promise<string> {
    return runVerb(this.#command, logOf(bundle), words);
  }

  #of(id: string): Served {
    const served = this.#served.get(id);
    if (served === undefined) throw new ContainerError('not-found', `container ${id}: not found`);
    return served;
  }

  #process(id: string, execId: string): SupervisedProcess {
    const process = this.#of(id).processes.get(execId);
    if (process === undefined) throw new ContainerError('not-found', `process ${execId} of ${id}: not found`);
    return process;
  }
}

function checkpointFlags(request: CheckpointRequest): string[] {
  const switches: [isSet: boolean, flag: string][] = [
    [!request.exit, '--leave-running'],
    [request.openTcp, '--tcp-established'],
    [request.externalUnixSockets, '--ext-unix-sk'],
    [request.terminal, '--shell-job'],
    [request.fileLocks, '--file-locks'],
  ];
  return [
    '--image-path',
    request.imagePath,
    ...(request.workPath === '' ? [] : ['--work-path', request.workPath]),
    ...(request.parentPath === '' ? [] : ['--parent-path', request.parentPath]),
    ...switches.flatMap(([isSet, flag]) => (isSet ? [flag] : [])),
    ...request.emptyNamespaces.flatMap((name) => ['--empty-ns', name]),
    ...(request.cgroupsMode === '' ? [] : ['--manage-cgroups-mode', request.cgroupsMode]),
  ];
}

function logOf(bundle: string): string {
  return join(bundle, 'runtime.log');
}

function signalProcess(pid: number, signal: number, what: string): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    throw new ContainerError('not-found', `${what}: process already finished`, { cause: error });
  }
}
