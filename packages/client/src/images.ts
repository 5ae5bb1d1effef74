// The images of an engine, and their ways in and out: pull, push, load, save, import, build.
import type { Readable } from 'node:stream';
import { type Abortable, toStream } from './container.ts';
import type {
  ImageHistoryRow,
  ImageInspect,
  ImageRemovalRow,
  ImageSummary,
  ImagesPruned,
  ProgressMessage,
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

/** Of the classic builder. */
export interface BuildOptions extends Abortable {
  /** name[:tag]; several give the image several names. */
  t?: readonly string[];
  dockerfile?: string;
  buildargs?: Readonly<Record<string, string>>;
  labels?: Readonly<Record<string, string>>;
  target?: string;
  nocache?: boolean;
  pull?: boolean;
  rm?: boolean;
  forcerm?: boolean;
  networkmode?: string;
  extrahosts?: readonly string[];
  memory?: number;
  shmsize?: number;
  platform?: string;
  cachefrom?: readonly string[];
  /** By registry. */
  credentials?: Readonly<Record<string, RegistryCredentials>>;
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

  history(name: string): Promise<ImageHistoryRow[]> {
    return this.#calls.json('ImageHistory', { of: name });
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
    const { signal, credentials, cachefrom, ...query } = options;
    let id = '';
    const headers: Record<string, string> =
      credentials === undefined ? {} : { 'X-Registry-Config': encoded(credentials) };
    return trackProgress({
      call: 'POST /build',
      open: () =>
        this.#calls.connection.call('POST', '/build', {
          query: { ...query, cachefrom: cachefrom === undefined ? undefined : JSON.stringify(cachefrom) },
          headers,
          bodyStream: toStream(context),
          contentType: 'application/x-tar',
          signal,
        }),
      take: (message) => {
        id = builtId(message) ?? id;
      },
      result: () => id,
    });
  }

  async tag(name: string, query: QueryOf<'ImageTag'>): Promise<void> {
    await this.#calls.status('ImageTag', { of: name, query });
  }

  remove(name: string, query: QueryOf<'ImageDelete'> = {}): Promise<ImageRemovalRow[]> {
    return this.#calls.json('ImageDelete', { of: name, query });
  }

  prune(query: QueryOf<'ImagePrune'> = {}): Promise<ImagesPruned> {
    return this.#calls.json('ImagePrune', { query });
  }

  #tarCall<Id extends OperationId>(
    id: Id,
    tar: Uint8Array | NodeJS.ReadableStream,
    query: QueryOf<Id>,
    signal: AbortSignal | undefined,
  ) {
    return this.#calls.open(id, { query, bodyStream: toStream(tar), contentType: 'application/x-tar', signal });
  }
}

function builtId({ aux, stream = '' }: ProgressMessage): string | undefined {
  if (typeof aux?.['ID'] === 'string') return aux['ID'];
  return /^Successfully built ([0-9a-f]+)$/m.exec(stream)?.[1];
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
