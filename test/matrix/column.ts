// One column of the matrix: a client, the engine that it talks to, and a directory of its own. matrix-suite.ts runs rows on it.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type CommandResult, run, until } from '../harness/command.ts';
import { request } from '../harness/engine-client.ts';
import type { NetworkNamespace } from '../harness/network-namespace.ts';
import { type Registry, startRegistry } from '../harness/registry.ts';
import { type Row, splitWords } from './row.ts';

/** A running engine, ours or another's. */
export interface MatrixEngine {
  socket: string;
  /** Holds everything of this engine; what it prints is masked. */
  directory: string;
  network: NetworkNamespace;
  stop(): Promise<void>;
}

const registryPort = 5000;

export class Column {
  readonly name: string;
  /** The client's path: what stands for `docker` in a line. */
  readonly client: string;
  readonly engine: MatrixEngine;
  readonly #environment: Record<string, string>;
  #registry: Registry | undefined;
  #registries = 0;

  constructor(name: string, client: string, engine: MatrixEngine) {
    this.name = name;
    this.client = client;
    this.engine = engine;
    this.#environment = {
      DOCKER_HOST: `unix://${engine.socket}`,
      DOCKER_CONFIG: join(engine.directory, 'docker-config'),
      DOCKER_BUILDKIT: '0',
      CLI: client,
      DIR: this.scratch,
      TZ: 'UTC',
    };
    mkdirSync(this.scratch, { recursive: true });
    mkdirSync(join(engine.directory, 'docker-config'), { recursive: true });
    // with an entry, no credential helper that this machine happens to have is used
    const auths = { 'registry.example': { auth: Buffer.from('a:b').toString('base64') } };
    writeFileSync(join(engine.directory, 'docker-config/config.json'), JSON.stringify({ auths }));
  }

  /** `$DIR` of the lines. */
  get scratch(): string {
    return join(this.engine.directory, 'scratch');
  }

  async run(row: Row): Promise<CommandResult> {
    const options = {
      cwd: this.scratch,
      env: { ...this.#environment, ...row.env },
      ...(row.input === undefined ? {} : { input: row.input }),
      ...(row.timeoutMs === undefined ? {} : { timeoutMs: row.timeoutMs }),
    };
    const words = row.isShell
      ? ['-c', row.line]
      : splitWords(row.line).map((word) => word.replaceAll('$DIR', this.scratch));
    const command = [row.isShell ? '/bin/sh' : this.client, ...words];
    const result = row.isWithoutHost
      ? await run('/usr/bin/env', ['-u', 'DOCKER_HOST', ...command], options)
      : await run(command[0] ?? '', command.slice(1), options);
    for (const wish of row.settle ?? []) await this.#settle(wish);
    return result;
  }

  /** The answer's JSON; undefined unless its status is 200. */
  async get(path: string): Promise<any> {
    const { status, body } = await request(this.engine.socket, 'GET', path);
    return status === 200 ? body : undefined;
  }

  async remove(path: string): Promise<void> {
    await request(this.engine.socket, 'DELETE', path);
  }

  async startRegistry(): Promise<void> {
    this.#registries += 1;
    const storage = join(this.engine.directory, `registry-${this.#registries}`);
    this.#registry = await startRegistry(this.engine.network, this.engine.directory, { port: registryPort, storage });
  }

  async stopRegistry(): Promise<void> {
    await this.#registry?.stop();
    this.#registry = undefined;
  }

  async stop(): Promise<void> {
    await this.stopRegistry();
    await this.engine.stop();
  }

  async #settle(wish: string): Promise<void> {
    const [name = '', state = ''] = wish.split(' ');
    await until(`${this.name}: ${wish}`, 20_000, async () => {
      const found = await this.get(`/containers/${name}/json`);
      if (found === undefined) return state === 'gone' ? true : undefined;
      return found.State.Status === state || found.State.Health?.Status === state ? true : undefined;
    });
  }
}

/** Our engine brings an image of its own, a moment after its start; the rows are to see what both have. */
export async function removeEmbeddedImage(column: Column): Promise<void> {
  const name = 'tscontainer/whoami:latest';
  await until(`${name} is there`, 20_000, async () => await column.get(`/images/${name}/json`));
  await column.remove(`/images/${name}?force=1`);
}
