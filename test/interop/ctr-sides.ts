// Runs one ctr command against tscontainerd and against the real containerd, and gives both answers without what must differ.
import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { type CommandResult, run, runOk } from '../harness/command.ts';
import { busyboxArchive } from '../harness/images.ts';
import { LifecycleDaemon } from '../harness/lifecycle-daemon.ts';
import { addNetworkNamespace, type NetworkNamespace } from '../harness/network-namespace.ts';
import { type Registry, startRegistry } from '../harness/registry.ts';

export interface CtrSide {
  daemon: LifecycleDaemon;
  /** For files of the commands. */
  work: string;
  runtime: string;
}

export interface CtrCommand {
  input?: string;
  env?: Record<string, string>;
  timeoutMs?: number;
  /** What of the output is compared, when not all of it can be. */
  shape?: (text: string) => unknown;
}

export interface CtrAnswer {
  code: number | null;
  stdout: unknown;
  stderr: unknown;
}

export const image = 'docker.io/library/busybox:latest';

/** Story: `start`, any number of `both` in order, `stop`. */
export class CtrSides {
  readonly ours: CtrSide;
  readonly real: CtrSide;
  readonly directory = mkdtempSync('/tmp/tsc-ctr2-');
  #network: NetworkNamespace | undefined;
  registry: Registry | undefined;

  constructor() {
    this.ours = this.#side(new LifecycleDaemon(), 'io.containerd.ts.v2');
    this.real = this.#side(new LifecycleDaemon({ isReal: true }), 'io.containerd.runc.v2');
  }

  async start(): Promise<void> {
    this.#network = await addNetworkNamespace();
    const storage = join(this.directory, 'registry');
    this.registry = await startRegistry(this.#network, this.directory, { port: 5000, storage });
    const archive = `docker-archive:${await busyboxArchive()}`;
    await runOk('skopeo', ['copy', archive, `oci-archive:${join(this.directory, 'busybox.tar')}:${image}`]);
    await this.ours.daemon.start();
    await this.real.daemon.start();
  }

  async stop(): Promise<void> {
    for (const { daemon } of [this.ours, this.real]) {
      const ctr = (...args: string[]) => run('/usr/bin/ctr', ['-a', daemon.address, '-n', daemon.namespace, ...args]);
      for (const id of (await ctr('tasks', 'ls', '-q')).stdout.split('\n').filter(Boolean)) {
        await ctr('tasks', 'kill', '-s', '9', '-a', id);
        await ctr('tasks', 'rm', '-f', id);
      }
      await daemon.stop();
    }
    await this.registry?.stop();
    await this.#network?.remove();
    rmSync(this.directory, { recursive: true, force: true });
  }

  /** `{work}`, `{files}` and `{runtime}` in the words are each side's own, or what both share. */
  async both(words: string[], command: CtrCommand = {}): Promise<{ ours: CtrAnswer; real: CtrAnswer }> {
    const [ours, real] = await Promise.all([this.ours, this.real].map((side) => this.#run(side, words, command)));
    return { ours: ours as CtrAnswer, real: real as CtrAnswer };
  }

  async raw(side: CtrSide, words: string[], { input, env, timeoutMs }: CtrCommand = {}): Promise<CommandResult> {
    if (this.#network === undefined) throw new Error('ctr: not started');
    const replaced = words.map((word) =>
      word
        .replace('{work}', side.work)
        .replace('{files}', this.directory)
        .replace('{runtime}', side.runtime)
        .replace('{side}', side === this.ours ? 'ours' : 'real'),
    );
    const { address, namespace } = side.daemon;
    const [file, args] = this.#network.enter('/usr/bin/ctr', ['-a', address, '-n', namespace, ...replaced]);
    return run(file, args, { input: input ?? '', env: env ?? {}, timeoutMs: timeoutMs ?? 20_000 });
  }

  async #run(side: CtrSide, words: string[], command: CtrCommand): Promise<CtrAnswer> {
    const { code, stdout, stderr } = await this.raw(side, words, command);
    const shape = command.shape ?? ((text: string) => text.split('\n'));
    return { code, stdout: shape(masked(side, stdout)), stderr: masked(side, stderr).split('\n') };
  }

  #side(daemon: LifecycleDaemon, runtime: string): CtrSide {
    return { daemon, runtime, work: mkdtempSync(join(this.directory, 'side-')) };
  }
}

const masks: [pattern: RegExp, word: string][] = [
  // a step that is not legal: our shim has a code for that
  [/(cannot exec in a \w+ state): (unknown|failed precondition)/g, '$1: CODE'],
  [/\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?( ?[+-]\d{4} UTC|Z|[+-]\d\d:\d\d)?/g, 'TIME'],
  [/(Less than a second|\d+ seconds?|About a minute|\d+ minutes?)( ago)?/g, 'AGO'],
  [/^WARNING: (version|revision) mismatch\n/gm, ''],
  [/(elapsed|total): *[\d.]+ ?m?s/g, '$1: TIME'],
  [/\b(done|Done|unpacking.*\.\.\.|exporting.*): [\d.]+(ms|µs|s)/g, '$1: TIME'],
  [/\d+(\.\d+)?(ms|µs|s)$/gm, 'TIME'],
  [/[\d.]+ [KM]?i?B\/s/g, 'RATE'],
  [/snapshots\/\d+\//g, 'snapshots/N/'],
  [/io\.containerd\.(ts|runc)\.v2/g, 'RUNTIME'],
  [/ +$/gm, ''],
];

function masked(side: CtrSide, text: string): string {
  const own = text
    .replace(/\b(busybox|other)-(ours|real)\b/g, '$1-SIDE')
    .replaceAll(side.work, 'WORK')
    .replaceAll(side.daemon.directory, 'DIR')
    .replaceAll(side.daemon.namespace, 'NS');
  const words = masks.reduce((result, [pattern, word]) => result.replace(pattern, word), own);
  // labels come out of a map of Go's, in any order
  return words.replace(/[^\s,]+=[^\s,]*(?:,[^\s,]+=[^\s,]*)+/g, (labels) => labels.split(',').sort().join(','));
}
