// The images of an engine, and their ways in and out: pull, push, load, save, import, build.
import type { Readable } from 'node:stream';
import { toStream } from './container.ts';
import type { Abortable } from './container-life.ts';
import type {
  ImageHistoryRow,
  ImageInspect,
  ImageRemovalRow,
  ImageSummary,
  ImagesPruned,
  ProgressMessage,
  UlimitBody,
} from './contracts/engine-api.ts';
import type { EngineCalls, OperationId, QueryOf } from './engine-calls.ts';
import { type Progress, trackProgress } from './progress.ts';

/** For a registry. */
export interface RegistryCredentials {
  username?: string | undefined;
  password?: string | undefined;
  identitytoken?: string | undefined;
  registrytoken?: string | undefined;
  serveraddress?: string | undefined;
}

export interface TransferOptions extends Abortable {
  tag?: string | undefined;
  credentials?: RegistryCredentials | undefined;
}

/** What the API has as JSON within a parameter. */
type EncodedBuildOption = 'buildargs' | 'labels' | 'cachefrom' | 'ulimits' | 'version';

/** Of the classic builder. */
export interface BuildOptions extends Omit<QueryOf<'ImageBuild'>, EncodedBuildOption>, Abortable {
  /** Values of ARG. */
  buildargs?: Readonly<Record<string, string>> | undefined;
  /** Further labels. */
  labels?: Readonly<Record<string, string>> | undefined;
  /** Images whose history serves as cache. */
  cachefrom?: readonly string[] | undefined;
  /** For RUN. */
  ulimits?: readonly UlimitBody[] | undefined;
  /** By registry. */
  credentials?: Readonly<Record<string, RegistryCredentials>> | undefined;
}

export class Images {
  readonly #calls: EngineCalls;

  constructor(calls: EngineCalls) {
    this.#calls = calls;
  }

  list({ signal, ...query }: QueryOf<'ImageList'> & Abortable = {}): Promise<ImageSummary[]> {
    return this.#calls.json('ImageList', { query, signal });
  }

  inspect(name: string, { signal }: Abortable = {}): Promise<ImageInspect> {
    return this.#calls.json('ImageInspect', { of: name, signal });
  }

  history(name: string, { signal }: Abortable = {}): Promise<ImageHistoryRow[]> {
    return this.#calls.json('ImageHistory', { of: name, signal });
  }

  /** Without a tag or digest in `name` or options it is `latest`. */
  pull(name: string, options: TransferOptions & { platform?: string | undefined } = {}): Progress<void> {
    const { tag, platform, credentials, signal } = options;
    const query = { fromImage: name, tag: tag ?? (hasTag(name) ? undefined : 'latest'), platform };
    const headers = credentialHeaders(credentials);
    return trackProgress({
      call: 'POST /images/create',
      open: () => this.#calls.open('ImageCreate', { query, headers, signal }),
      result: () => undefined,
    });
  }

  /** The digest that the registry has it under. */
  push(name: string, { tag, credentials, signal }: TransferOptions = {}): Progress<{ digest: string | undefined }> {
    let digest: string | undefined;
    // engines refuse a push without the header
    const headers = credentialHeaders(credentials ?? {});
    return trackProgress({
      call: 'POST /images/{name}/push',
      open: () => this.#calls.open('ImagePush', { of: name, query: { tag }, headers, signal }),
      take: ({ aux }) => {
        if (typeof aux?.['Digest'] === 'string') digest = aux['Digest'];
      },
      result: () => ({ digest }),
    });
  }

  /** Names, or ids where there is no name, of what was in the archive. */
  load(archive: Uint8Array | NodeJS.ReadableStream, { signal }: Abortable = {}): Progress<string[]> {
    const loaded: string[] = [];
    return trackProgress({
      call: 'POST /images/load',
      open: () => this.#tarCall('ImageLoad', archive, { quiet: false }, signal),
      take: ({ stream = '' }) => {
        const name = /^Loaded image(?: ID)?: (.+)$/m.exec(stream)?.[1];
        if (name !== undefined) loaded.push(name);
      },
      result: () => loaded,
    });
  }

  /** An archive that `load` reads. */
  async save(names: string | readonly string[], { signal }: Abortable = {}): Promise<Readable> {
    return await this.#calls.open('ImageGetAll', { query: { names: [names].flat() as string[] }, signal });
  }

  /** Makes an image of a filesystem; its id. */
  import(
    tar: Uint8Array | NodeJS.ReadableStream,
    options: Pick<QueryOf<'ImageCreate'>, 'repo' | 'tag' | 'message' | 'changes' | 'platform'> & Abortable = {},
  ): Progress<string> {
    const { signal, ...query } = options;
    let id = '';
    return trackProgress({
      call: 'POST /images/create',
      open: () => this.#tarCall('ImageCreate', tar, { fromSrc: '-', ...query }, signal),
      take: ({ status }) => {
        if (status?.startsWith('sha256:')) id = status;
      },
      result: () => id,
    });
  }

  /** Builds what a Dockerfile says from a tar of its context; the image's id. */
  build(context: Uint8Array | NodeJS.ReadableStream, options: BuildOptions = {}): Progress<string> {
    const { signal, credentials, buildargs, labels, cachefrom, ulimits, ...rest } = options;
    const lists = { buildargs, labels, cachefrom, ulimits };
    const encodedLists = Object.entries(lists).flatMap(([name, value]) =>
      value === undefined ? [] : [[name, JSON.stringify(value)]],
    );
    const query: QueryOf<'ImageBuild'> = { ...rest, ...Object.fromEntries(encodedLists) };
    const headers: Record<string, string> =
      credentials === undefined ? {} : { 'X-Registry-Config': encoded(credentials) };
    let id = '';
    return trackProgress({
      call: 'POST /build',
      open: () => this.#tarCall('ImageBuild', context, query, signal, headers),
      take: (message) => {
        id = builtId(message) ?? id;
      },
      result: () => id,
    });
  }

  async tag(name: string, { signal, ...query }: QueryOf<'ImageTag'> & Abortable): Promise<void> {
    await this.#calls.status('ImageTag', { of: name, query, signal });
  }

  remove(name: string, { signal, ...query }: QueryOf<'ImageDelete'> & Abortable = {}): Promise<ImageRemovalRow[]> {
    return this.#calls.json('ImageDelete', { of: name, query, signal });
  }

  prune({ signal, ...query }: QueryOf<'ImagePrune'> & Abortable = {}): Promise<ImagesPruned> {
    return this.#calls.json('ImagePrune', { query, signal });
  }

  #tarCall<Id extends OperationId>(
    id: Id,
    tar: Uint8Array | NodeJS.ReadableStream,
    query: QueryOf<Id>,
    signal: AbortSignal | undefined,
    headers: Record<string, string> = {},
  ) {
    const bodyStream = toStream(tar);
    return this.#calls.open(id, { query, bodyStream, contentType: 'application/x-tar', headers, signal });
  }
}

function builtId({ aux, stream = '' }: ProgressMessage): string | undefined {
  if (typeof aux?.['ID'] === 'string') return aux['ID'];
  // with `q` the id stands alone
  return /^(sha256:[0-9a-f]{64})$/m.exec(stream)?.[1] ?? /^Successfully built ([0-9a-f]+)$/m.exec(stream)?.[1];
}

/** A colon after the last slash, or a digest. */
function hasTag(name: string): boolean {
  return name.includes('@') || name.slice(name.lastIndexOf('/') + 1).includes(':');
}

export function credentialHeaders(credentials: RegistryCredentials | undefined): Record<string, string> {
  return credentials === undefined ? {} : { 'X-Registry-Auth': encoded(credentials) };
}

function encoded(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}
