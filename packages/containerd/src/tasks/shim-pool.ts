// Our own shims, kept started: a container start never waits for a process, and one shim serves many containers.
//
// Story: `fill` at the daemon's start, `assign` per container, `release` when it is gone, `close` at the end. A shim
// that dies leaves the pool by itself; whoever owns its containers hears of that from the connection.
import { existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { errorMessageOf } from '@tscontainer/core/errors';
import { randomHex } from '@tscontainer/core/ids';
import type { Logger } from '@tscontainer/platform/logger';
import type { DaemonConfig } from '../daemon-config.ts';
import { ownRuntimeName, startShimProcess } from './shim-command.ts';
import { connectShim, type ShimConnection } from './shim-connection.ts';

/** The namespace that a warm shim is started in; each call says which it is for. */
const warmNamespace = 'tscontainer';
const firstRefillDelayMs = 200;
const lastRefillDelayMs = 60_000;
/** A shim that ends sooner than this has a fault that the next one may have too. */
const soonMs = 2000;
const shutdownTimeoutMs = 1000;

export class ShimPool {
  readonly #config: DaemonConfig;
  readonly #log: Logger;
  readonly #shims = new Set<ShimConnection>();
  readonly #onConnected: (shim: ShimConnection) => void;
  readonly #starts = new Set<Promise<ShimConnection>>();
  #refill: NodeJS.Timeout | undefined;
  #refillDelayMs = firstRefillDelayMs;
  #isClosed = false;

  constructor(config: DaemonConfig, log: Logger, onConnected: (shim: ShimConnection) => void) {
    this.#config = config;
    this.#log = log;
    this.#onConnected = onConnected;
  }

  /** Keeps `warmCount` shims with room ready; runs in the background. */
  fill(): void {
    const { warmCount } = this.#config.shim;
    for (let ready = this.#withRoom().length + this.#starts.size; ready < warmCount; ready += 1)
      this.#startInBackground();
  }

  /** A shim with room, its place taken. Waits for a new one only when there is none. */
  async assign(): Promise<ShimConnection> {
    let shim = this.#fullestWithRoom();
    while (shim === undefined) {
      const [underWay] = this.#starts; // many creates at once need one shim, not many
      await (underWay ?? this.#start());
      shim = this.#fullestWithRoom();
    }
    shim.containerCount += 1;
    this.fill();
    return shim;
  }

  release(shim: ShimConnection): void {
    shim.containerCount -= 1;
    this.#retireSurplus();
  }

  /** A shim of an earlier life of the daemon, found through its containers. */
  add(shim: ShimConnection): void {
    this.#shims.add(shim);
    const startedAt = Date.now();
    void shim.closed.then(() => {
      this.#shims.delete(shim);
      if (this.#isClosed || shim.isRetired) return;
      rmSync(shim.address.slice('unix://'.length), { force: true }); // a killed one leaves it
      if (Date.now() - startedAt < soonMs) return this.#fillLater();
      this.#refillDelayMs = firstRefillDelayMs;
      this.fill();
    });
  }

  /** Takes in the shims that an earlier life of the daemon left, and removes the sockets of dead ones. */
  async findLiving(): Promise<void> {
    const directory = this.#socketDirectory;
    const names = existsSync(directory) ? readdirSync(directory) : [];
    await Promise.all(names.map((name) => this.#takeIn(join(directory, name))));
  }

  async #takeIn(path: string): Promise<void> {
    try {
      const shim = await connectShim(`unix://${path}`, true);
      this.add(shim);
      this.#onConnected(shim);
    } catch (error) {
      this.#log.debug({ path, err: errorMessageOf(error) }, 'socket of a dead shim removed');
      rmSync(path, { force: true });
    }
  }

  get #socketDirectory(): string {
    return join(this.#config.state, 's');
  }

  get shims(): ShimConnection[] {
    return [...this.#shims];
  }

  /** Empty shims end; those with containers live on. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await Promise.all([...this.#shims].filter((shim) => shim.containerCount === 0).map((shim) => this.#retire(shim)));
    for (const shim of this.#shims) shim.close();
  }

  #withRoom(): ShimConnection[] {
    return [...this.#shims].filter((shim) => !shim.isLost && shim.containerCount < this.#config.shim.containersPerShim);
  }

  /** Filling one before using the next lets the others end when they are empty. */
  #fullestWithRoom(): ShimConnection | undefined {
    return this.#withRoom().sort((one, other) => other.containerCount - one.containerCount)[0];
  }

  #retireSurplus(): void {
    const ready = this.#withRoom();
    const surplus = ready
      .filter((shim) => shim.containerCount === 0)
      .slice(0, Math.max(0, ready.length - Math.max(1, this.#config.shim.warmCount)));
    for (const shim of surplus) void this.#retire(shim);
  }

  async #retire(shim: ShimConnection): Promise<void> {
    shim.isRetired = true;
    this.#shims.delete(shim);
    try {
      await shim.call('Shutdown', { id: '' }, { namespace: warmNamespace, timeoutMs: shutdownTimeoutMs });
    } catch (error) {
      this.#log.debug({ err: errorMessageOf(error) }, 'shim gone before its shutdown');
    }
    shim.close();
  }

  #startInBackground(): void {
    this.#start().catch((error: unknown) => {
      this.#log.warn({ err: errorMessageOf(error) }, 'warm shim not started');
      this.#fillLater();
    });
  }

  /** What made one shim fail may make the next one fail: each try waits longer, until one lives. */
  #fillLater(): void {
    if (this.#isClosed || this.#refill !== undefined) return;
    this.#refill = setTimeout(() => {
      this.#refill = undefined;
      this.fill();
    }, this.#refillDelayMs);
    this.#refill.unref();
    this.#refillDelayMs = Math.min(this.#refillDelayMs * 2, lastRefillDelayMs);
  }

  #start(): Promise<ShimConnection> {
    const start = this.#startOne().finally(() => this.#starts.delete(start));
    this.#starts.add(start);
    return start;
  }

  async #startOne(): Promise<ShimConnection> {
    const { address, state, logLevel } = this.#config;
    mkdirSync(state, { recursive: true });
    const flags = ['-socket-dir', this.#socketDirectory, '-log-level', logLevel, '-log-stderr'];
    const id = `warm-${randomHex(8)}`;
    const command = {
      address,
      runtimeName: ownRuntimeName,
      namespace: warmNamespace,
      id,
      workingDirectory: state,
      flags,
    };
    const shim = await connectShim(await startShimProcess({ ...command, stderr: 'inherit' }), true);
    this.add(shim);
    this.#onConnected(shim);
    return shim;
  }
}
