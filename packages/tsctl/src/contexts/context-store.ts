// The contexts on disk, in docker's own layout below the configuration directory, so that both clients see the same ones.
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { contextPlaces, defaultContextName } from '@tsctl/client/docker-config';
import { CommandFailure } from '../cli/failures.ts';

export interface DockerEndpointMeta {
  Host: string;
  SkipTLSVerify: boolean;
}

/** meta.json; keys of other clients (Kubernetes) are kept as they are. */
export interface ContextMeta {
  Name: string;
  Metadata: { Description?: string; [other: string]: unknown };
  Endpoints: { docker?: DockerEndpointMeta; [other: string]: unknown };
}

/** By endpoint and file name: `docker` -> `ca.pem` -> content. */
export type TlsMaterial = Record<string, Record<string, Buffer>>;

const namePattern = '^[a-zA-Z0-9][a-zA-Z0-9_.+-]+$';

export class ContextStore {
  readonly #configDirectory: string;

  constructor(configDirectory: string) {
    this.#configDirectory = configDirectory;
  }

  metadataPath(name: string): string {
    return contextPlaces(this.#configDirectory, name).metadata;
  }

  tlsPath(name: string): string {
    return contextPlaces(this.#configDirectory, name).tls;
  }

  /** By name, in order. */
  list(): ContextMeta[] {
    const directory = join(this.#configDirectory, 'contexts', 'meta');
    const metas = listDirectory(directory).map((id) => readMeta(join(directory, id, 'meta.json')));
    return metas
      .filter((meta) => meta !== undefined)
      .sort((left, right) => (left.Name < right.Name ? -1 : left.Name > right.Name ? 1 : 0));
  }

  has(name: string): boolean {
    return existsSync(join(this.metadataPath(name), 'meta.json'));
  }

  /** Throws docker's words for one that is not there. */
  get(name: string): ContextMeta {
    const meta = readMeta(join(this.metadataPath(name), 'meta.json'));
    if (meta === undefined) throw new CommandFailure(`context "${name}" does not exist`);
    return meta;
  }

  tlsOf(name: string): TlsMaterial {
    const material: TlsMaterial = {};
    for (const endpoint of listDirectory(this.tlsPath(name))) {
      const directory = join(this.tlsPath(name), endpoint);
      material[endpoint] = Object.fromEntries(
        listDirectory(directory).map((file) => [file, readFileSync(join(directory, file))]),
      );
    }
    return material;
  }

  /** New or in place of the old. The material is replaced when it is given. */
  put(meta: ContextMeta, tls?: TlsMaterial): void {
    const directory = this.metadataPath(meta.Name);
    mkdirSync(directory, { recursive: true });
    if (tls !== undefined) this.#putTls(meta.Name, tls);
    const fresh = join(directory, `.meta.json.${process.pid}`);
    writeFileSync(fresh, JSON.stringify(meta));
    renameSync(fresh, join(directory, 'meta.json'));
  }

  remove(name: string): void {
    rmSync(this.metadataPath(name), { recursive: true, force: true });
    rmSync(this.tlsPath(name), { recursive: true, force: true });
  }

  #putTls(name: string, tls: TlsMaterial): void {
    rmSync(this.tlsPath(name), { recursive: true, force: true });
    for (const [endpoint, files] of Object.entries(tls)) {
      const directory = join(this.tlsPath(name), endpoint);
      mkdirSync(directory, { recursive: true, mode: 0o700 });
      for (const [file, content] of Object.entries(files))
        writeFileSync(join(directory, file), content, { mode: 0o600 });
    }
  }
}

/** Throws docker's words for a name that cannot be given to a context. */
export function checkContextName(name: string): void {
  if (name === '') throw new CommandFailure('context name cannot be empty');
  if (name === defaultContextName) throw new CommandFailure('"default" is a reserved context name');
  if (!new RegExp(namePattern).test(name))
    throw new CommandFailure(`context name "${name}" is invalid, names are validated against regexp "${namePattern}"`);
}

function readMeta(path: string): ContextMeta | undefined {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new CommandFailure(`read context ${path}: ${(error as Error).message}`);
  }
  return parseMeta(text, path);
}

/** Throws CommandFailure when it is no context's metadata. */
export function parseMeta(text: string, where: string): ContextMeta {
  try {
    const { Name, Metadata, Endpoints } = JSON.parse(text) as Partial<ContextMeta>;
    return { Name: String(Name ?? ''), Metadata: Metadata ?? {}, Endpoints: Endpoints ?? {} };
  } catch (error) {
    throw new CommandFailure(`read context ${where}: ${(error as Error).message}`);
  }
}

function listDirectory(path: string): string[] {
  try {
    return readdirSync(path).sort();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}
