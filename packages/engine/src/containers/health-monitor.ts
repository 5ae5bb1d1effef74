// Runs the health checks of running containers: an exec now and then, and an event whenever the health changes.
import { Readable, Writable } from 'node:stream';
import { errorMessageOf } from '@tscontainer/core/errors';
import { nowText, parseRfc3339 } from '../go-time.ts';
import type { Container } from './container.ts';
import type { EngineContext } from './engine-context.ts';
import type { ExecManager } from './exec-manager.ts';
import { afterProbe, type Healthcheck, type HealthResult, probeCommand, timesOf } from './health-check.ts';

/** Output kept of one probe, in bytes. */
const maxOutputBytes = 4096;
const sigkill = 9;
const nsPerMs = 1_000_000n;

/** Follows the engine's own events: a container is probed from its start to its end, and not while it is paused. */
export class HealthMonitor {
  readonly #context: EngineContext;
  readonly #execs: ExecManager;
  readonly #timers = new Map<string, NodeJS.Timeout>();
  readonly #unsubscribe: () => void;

  constructor(context: EngineContext, execs: ExecManager) {
    this.#context = context;
    this.#execs = execs;
    this.#unsubscribe = context.events.subscribe(({ type, action, id }) => {
      if (type !== 'container') return;
      if (action === 'start') this.#begin(id, true);
      else if (action === 'unpause') this.#begin(id, false);
      else if (action === 'die' || action === 'pause' || action === 'destroy') this.#end(id);
    });
  }

  /** Once, for containers that an earlier engine left running. */
  adopt(): void {
    for (const container of this.#context.index.values())
      if (container.state.status === 'running') this.#begin(container.id, false);
  }

  stop(): void {
    this.#unsubscribe();
    for (const timer of this.#timers.values()) clearTimeout(timer);
    this.#timers.clear();
  }

  /** A new run is `starting`; one that goes on stays what it was. */
  #begin(id: string, isNewRun: boolean): void {
    const container = this.#context.index.get(id);
    if (container === undefined) return;
    const { Healthcheck: check, Shell } = container.settings.config;
    const command = probeCommand(check as Healthcheck | undefined, Shell);
    if (command === undefined) return;
    this.#end(id);
    const { state } = container;
    if (isNewRun || state.health === undefined) {
      const isKnown = (state.health?.status ?? 'starting') !== 'starting';
      state.health = { status: 'starting', failingStreak: 0, log: state.health?.log ?? [] };
      if (isKnown) this.#keep(container);
    }
    const startedMs = Number((parseRfc3339(state.startedAt) ?? 0n) / nsPerMs);
    this.#plan(container, command, check as Healthcheck, startedMs);
  }

  #end(id: string): void {
    clearTimeout(this.#timers.get(id));
    this.#timers.delete(id);
  }

  #plan(container: Container, command: string[], check: Healthcheck, startedMs: number): void {
    const times = timesOf(check);
    const isInStartPeriod = () => Date.now() - startedMs < times.startPeriodMs;
    const pauseMs =
      isInStartPeriod() && container.state.health?.status === 'starting'
        ? Math.min(times.startIntervalMs, times.intervalMs)
        : times.intervalMs;
    const timer = setTimeout(async () => {
      const isStarting = isInStartPeriod();
      const result = await this.#probe(container, command, times.timeoutMs);
      // ended or paused meanwhile: the result says nothing
      if (this.#timers.get(container.id) !== timer) return;
      this.#record(container, result, times.retries, isStarting);
      this.#plan(container, command, check, startedMs);
    }, pauseMs);
    this.#timers.set(container.id, timer);
  }

  #record(container: Container, result: HealthResult, retries: number, isStarting: boolean): void {
    const before = container.state.health;
    if (before === undefined) return;
    const health = afterProbe(before, result, retries, isStarting);
    container.state.health = health;
    if (health.status !== before.status || health.failingStreak !== before.failingStreak) this.#keep(container);
    if (health.status === before.status) return;
    const action = `health_status: ${health.status}`;
    this.#context.events.publish('container', action, container.id, container.eventAttributes());
  }

  /** For the next engine. Not while an exit is being committed: its state is the later one. */
  #keep(container: Container): void {
    const { store, log } = this.#context;
    if (container.run === undefined || container.run.hasExited) return;
    store
      .updateState(container.id, container.state)
      .catch((error) => log.warn({ id: container.id, err: errorMessageOf(error) }, 'health not kept'));
  }

  async #probe(container: Container, command: string[], timeoutMs: number): Promise<HealthResult> {
    const Start = nowText();
    const output = new ProbeOutput();
    let isLate = false;
    let exitCode = -1;
    try {
      const exec = await this.#execs.create(container, {
        AttachStdin: false,
        AttachStdout: true,
        AttachStderr: true,
        DetachKeys: '',
        Tty: false,
        Env: [],
        Cmd: command,
        Privileged: false,
        User: '',
        WorkingDir: '',
      });
      const timer = setTimeout(() => {
        isLate = true;
        this.#kill(container, exec.id);
      }, timeoutMs);
      try {
        await this.#execs.start(exec, () => ({ input: Readable.from([]), output, isUpgraded: false }));
      } finally {
        clearTimeout(timer);
      }
      exitCode = exec.exitCode ?? -1;
    } catch (error) {
      if (output.text === '') output.add(Buffer.from(errorMessageOf(error)));
    }
    const seconds = timeoutMs / 1000;
    const text = isLate ? `Health check exceeded timeout (${seconds}s): ${output.text}` : output.text;
    return { Start, End: nowText(), ExitCode: isLate ? -1 : exitCode, Output: text };
  }

  #kill(container: Container, execId: string): void {
    this.#context.client.tasks
      .Kill({ containerId: container.id, execId, signal: sigkill, all: false })
      .catch((error) => this.#context.log.debug({ execId, err: errorMessageOf(error) }, 'probe not killed'));
  }
}

/** Takes the frames of an exec's output and keeps the beginning of their payload. */
class ProbeOutput extends Writable {
  #bytes = Buffer.alloc(0);
  #payloadLeft = 0;
  #header = Buffer.alloc(0);

  get text(): string {
    return this.#bytes.toString();
  }

  add(bytes: Buffer): void {
    const room = maxOutputBytes - this.#bytes.length;
    if (room > 0) this.#bytes = Buffer.concat([this.#bytes, bytes.subarray(0, room)]);
  }

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    let rest = chunk;
    while (rest.length > 0) {
      if (this.#payloadLeft > 0) {
        const piece = rest.subarray(0, this.#payloadLeft);
        this.add(piece);
        this.#payloadLeft -= piece.length;
        rest = rest.subarray(piece.length);
        continue;
      }
      const missing = 8 - this.#header.length;
      this.#header = Buffer.concat([this.#header, rest.subarray(0, missing)]);
      rest = rest.subarray(missing);
      if (this.#header.length < 8) break;
      this.#payloadLeft = this.#header.readUInt32BE(4);
      this.#header = Buffer.alloc(0);
    }
    done();
  }
}
