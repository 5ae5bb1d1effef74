// Volume drivers that are programs of their own, reached by Docker's plugin protocol: JSON over HTTP on the socket that a
// driver's name leads to. The volume manager is the caller.
import { existsSync, readFileSync } from 'node:fs';
import http from 'node:http';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { ContainerError, errorMessageOf, isNotFound } from '@tscontainer/core/errors';

/** Where plugins are looked for, in this order. */
export interface PluginDirectories {
  sockets: string;
  specs: readonly string[];
}

const dockerDirectories: PluginDirectories = {
  sockets: '/run/docker/plugins',
  specs: ['/etc/docker/plugins', '/usr/lib/docker/plugins'],
};
const contentType = 'application/vnd.docker.plugins.v1.2+json';
const driverInterface = 'VolumeDriver';
const callTimeoutMs = 60_000;
const maxAnswerBytes = 4 * 1024 * 1024;
const namePattern = /^[a-zA-Z0-9][a-zA-Z0-9_.-]*$/;

/** Between tries of a plugin that is not there yet. Docker's: it gives up after 15 seconds, since the next would be beyond 30. */
const retryPausesMs = [1000, 2000, 4000, 8000];
/** Nobody has taken the connection, so that nothing of the call was done. */
const untakenCodes = ['ECONNREFUSED', 'ENOENT', 'EAGAIN'];

/** How long a caller waits: not at all, for a plugin that does not answer yet, or also for one that has no socket yet. */
export type Patience = 'none' | 'for-answer' | 'for-presence';

type Place = { socketPath: string } | { host: string; port: number };

/** What a driver says of a volume. */
export interface PluginVolume {
  Name: string;
  Mountpoint?: string;
  CreatedAt?: string;
  Status?: Record<string, unknown> | null;
}

function notFound(name: string): ContainerError {
  return new ContainerError(
    'not-found',
    `error looking up volume plugin ${name}: plugin ${JSON.stringify(name)} not found`,
  );
}

function placeOf(name: string, directories: PluginDirectories): Place {
  if (!namePattern.test(name)) throw notFound(name);
  const sockets = [join(directories.sockets, `${name}.sock`), join(directories.sockets, name, `${name}.sock`)];
  const socketPath = sockets.find((path) => existsSync(path));
  if (socketPath !== undefined) return { socketPath };
  for (const directory of directories.specs) {
    const plain = [join(directory, `${name}.spec`), join(directory, name, `${name}.spec`)].find((path) =>
      existsSync(path),
    );
    if (plain !== undefined) return addressOf(name, readFileSync(plain, 'utf8').trim());
    const json = [join(directory, `${name}.json`), join(directory, name, `${name}.json`)].find((path) =>
      existsSync(path),
    );
    if (json !== undefined)
      return addressOf(name, (JSON.parse(readFileSync(json, 'utf8')) as { Addr?: string }).Addr ?? '');
  }
  throw notFound(name);
}

function addressOf(name: string, text: string): Place {
  const unix = /^unix:\/\/(\/.*)$/.exec(text)?.[1];
  if (unix !== undefined) return { socketPath: unix };
  const tcp = /^(?:tcp|http):\/\/([^:/]+):(\d+)/.exec(text);
  if (tcp !== null) return { host: tcp[1] ?? '', port: Number(tcp[2]) };
  throw new ContainerError(
    'invalid-argument',
    `plugin ${name}: address ${JSON.stringify(text)}: must be unix:// or tcp://`,
  );
}

async function withRetries<T>(work: () => T | Promise<T>, isPassing: (error: unknown) => boolean): Promise<T> {
  for (const pauseMs of retryPausesMs) {
    try {
      return await work();
    } catch (error) {
      if (!isPassing(error)) throw error;
    }
    await pause(pauseMs);
  }
  return await work();
}

function isUntaken(error: unknown): boolean {
  return untakenCodes.includes((error as NodeJS.ErrnoException).code ?? '');
}

function post(place: Place, path: string, body: object): Promise<{ status: number; text: string }> {
  const payload = Buffer.from(JSON.stringify(body));
  return new Promise((resolve, reject) => {
    const headers = { Accept: contentType, 'Content-Type': contentType, 'Content-Length': payload.length };
    const request = http.request(
      { ...place, path, method: 'POST', agent: false, headers, timeout: callTimeoutMs },
      (response) => {
        const chunks: Buffer[] = [];
        let size = 0;
        response.on('data', (chunk: Buffer) => {
          size += chunk.length;
          if (size > maxAnswerBytes) request.destroy(new Error(`its answer is larger than ${maxAnswerBytes} bytes`));
          chunks.push(chunk);
        });
        response.on('error', reject);
        response.on('end', () =>
          resolve({ status: response.statusCode ?? 0, text: Buffer.concat(chunks).toString('utf8') }),
        );
      },
    );
    request.on('timeout', () => request.destroy(new Error(`no answer in ${callTimeoutMs / 1000} seconds`)));
    request.on('error', reject);
    request.end(payload);
  });
}

/** Story: `connect`, then any call in any order; it holds nothing open between them. */
export class VolumePlugin {
  readonly name: string;
  readonly #place: Place;
  readonly #isPatient: boolean;

  private constructor(name: string, place: Place, isPatient: boolean) {
    this.name = name;
    this.#place = place;
    this.#isPatient = isPatient;
  }

  /** Rejects not-found when nobody has the name, or is no volume driver. `patience` holds for its calls, too. */
  static async connect(
    name: string,
    patience: Patience = 'none',
    directories: PluginDirectories = dockerDirectories,
  ): Promise<VolumePlugin> {
    const isAwaited = (error: unknown) => patience === 'for-presence' && isNotFound(error);
    const place = await withRetries(() => placeOf(name, directories), isAwaited);
    const plugin = new VolumePlugin(name, place, patience !== 'none');
    const { Implements } = (await plugin.#call('/Plugin.Activate', {})) as { Implements?: string[] };
    if (Implements?.includes(driverInterface)) return plugin;
    throw new ContainerError('not-found', `plugin ${name} does not implement ${driverInterface}`);
  }

  async create(volume: string, options: Record<string, string>): Promise<void> {
    await this.#drive('Create', { Name: volume, Opts: options });
  }

  async remove(volume: string): Promise<void> {
    await this.#drive('Remove', { Name: volume });
  }

  /** The path at which it lies until `unmount` with the same id. */
  async mount(volume: string, id: string): Promise<string> {
    const { Mountpoint } = (await this.#drive('Mount', { Name: volume, ID: id })) as { Mountpoint?: string };
    if (Mountpoint?.startsWith('/')) return Mountpoint;
    throw new ContainerError('internal', `${driverInterface}.Mount: ${this.name} gives no mount point for ${volume}`);
  }

  async unmount(volume: string, id: string): Promise<void> {
    await this.#drive('Unmount', { Name: volume, ID: id });
  }

  async get(volume: string): Promise<PluginVolume> {
    const { Volume } = (await this.#drive('Get', { Name: volume })) as { Volume?: PluginVolume };
    return Volume ?? { Name: volume };
  }

  /** `global` when every machine sees the same volumes. */
  async scope(): Promise<string> {
    const answer = await this.#drive('Capabilities', {}).catch(() => ({})); // drivers of the first version do not know it
    return (answer as { Capabilities?: { Scope?: string } }).Capabilities?.Scope || 'local';
  }

  #drive(method: string, body: object): Promise<object> {
    return this.#call(`/${driverInterface}.${method}`, body);
  }

  async #call(path: string, body: object): Promise<object> {
    const what = path.slice(1);
    let answer: { status: number; text: string };
    try {
      answer = await withRetries(
        () => post(this.#place, path, body),
        (error) => this.#isPatient && isUntaken(error),
      );
    } catch (error) {
      throw new ContainerError('unavailable', `plugin ${this.name}: ${what}: ${errorMessageOf(error)}`, {
        cause: error,
      });
    }
    let parsed: { Err?: string };
    try {
      parsed = answer.text === '' ? {} : (JSON.parse(answer.text) as { Err?: string });
    } catch (error) {
      parsed = { Err: answer.text.trim() || errorMessageOf(error) };
    }
    if (answer.status === 200 && !parsed.Err) return parsed;
    throw new ContainerError('failed-precondition', `${what}: ${parsed.Err || `status ${answer.status}`}`);
  }
}
