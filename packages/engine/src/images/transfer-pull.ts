// A pull that containerd does itself (its Transfer service): progress and credentials travel over its Streaming service.
import { randomHex } from '@tscontainer/core/ids';
import { type Descriptor, isLayerType, type Platform } from '@tscontainer/core/oci-image';
import { parseReference } from '@tscontainer/core/reference';
import { credentialsFor, type RegistryCredentials } from '@tscontainer/distribution/credentials';
import { hostPlatform } from '@tscontainer/distribution/platform-match';
import type { PullEvent } from '@tscontainer/distribution/pull';
import { loadMessage } from '@tscontainer/platform/contract-loader';
import type { StreamInit, Streaming } from '@tscontainer/platform/contracts/containerd/services/streaming/v1/streaming';
import type { Transfer } from '@tscontainer/platform/contracts/containerd/services/transfer/v1/transfer';
import type { ImageStore } from '@tscontainer/platform/contracts/containerd/types/transfer/imagestore';
import type { Progress } from '@tscontainer/platform/contracts/containerd/types/transfer/progress';
import type {
  AuthRequest,
  AuthResponse,
  OCIRegistry,
} from '@tscontainer/platform/contracts/containerd/types/transfer/registry';
import type { CallOptions, DuplexCall, GrpcConnection } from '@tscontainer/platform/grpc-client';
import { serviceClient } from '../containerd/service-client.ts';

export interface TransferPull {
  /** Full name, also the record's. */
  name: string;
  platform: Platform | undefined;
  snapshotter: string;
  credentials: RegistryCredentials | undefined;
  /** Directory of `<host>/*.crt`; '' is the daemon's own. */
  hostDir: string;
  onEvent(event: PullEvent): void;
}

interface AnyMessage {
  typeUrl: string;
  value: Buffer;
}

type AnyStream = DuplexCall<AnyMessage, AnyMessage>;

function codecs() {
  const types = 'containerd/types/transfer';
  const named = <T extends object>(file: string, name: string) =>
    loadMessage<T>(`${types}/${file}.proto`, `containerd.types.transfer.${name}`);
  return {
    init: loadMessage<StreamInit>(
      'containerd/services/streaming/v1/streaming.proto',
      'containerd.services.streaming.v1.StreamInit',
    ),
    registry: named<OCIRegistry>('registry', 'OCIRegistry'),
    store: named<ImageStore>('imagestore', 'ImageStore'),
    progress: named<Progress>('progress', 'Progress'),
    authRequest: named<AuthRequest>('registry', 'AuthRequest'),
    authResponse: named<AuthResponse>('registry', 'AuthResponse'),
  };
}

/** Rejects unimplemented when the daemon has no Transfer service; else as the daemon says. */
export async function transferPull(
  connection: GrpcConnection,
  pull: TransferPull,
  options: CallOptions,
): Promise<void> {
  const codec = codecs();
  const any = <T extends object>(
    message: { typeName: string; encode(value: Partial<T>): Buffer },
    value: Partial<T>,
  ): AnyMessage => ({ typeUrl: message.typeName, value: message.encode(value) });
  const streaming = serviceClient<Streaming>(
    connection,
    'containerd/services/streaming/v1/streaming.proto',
    'containerd.services.streaming.v1.Streaming',
    options,
  );
  const transfer = serviceClient<Transfer>(
    connection,
    'containerd/services/transfer/v1/transfer.proto',
    'containerd.services.transfer.v1.Transfer',
    options,
  );
  const credentialsOf = credentialsFor(parseReference(pull.name).domain, pull.credentials);
  const streams: AnyStream[] = [];
  const open = async (
    purpose: string,
    onMessage: (message: AnyMessage, stream: AnyStream) => unknown,
  ): Promise<string> => {
    const id = `${purpose}-${randomHex(8)}`;
    const stream = streaming.Stream() as unknown as AnyStream;
    streams.push(stream);
    await openStream(stream, any(codec.init, { id }), onMessage);
    return id;
  };
  try {
    const progressStream = await open('progress', ({ value }) => report(codec.progress.decode(value), pull.onEvent));
    const authStream =
      pull.credentials === undefined
        ? ''
        : await open('creds', async ({ value }, stream) => {
            const known = await credentialsOf(codec.authRequest.decode(value).host, []);
            await stream.write(any(codec.authResponse, toAuthResponse(known))).catch(() => undefined); // the pull itself reports a broken stream
          });
    const platform = toMessage(pull.platform ?? hostPlatform());
    await transfer.Transfer({
      source: any(codec.registry, {
        reference: pull.name,
        resolver: { authStream, hostDir: pull.hostDir } as OCIRegistry['resolver'],
      }),
      destination: any(codec.store, {
        name: pull.name,
        platforms: [platform],
        unpacks: [{ platform, snapshotter: pull.snapshotter }],
      }),
      options: { progressStream },
    });
  } finally {
    for (const stream of streams) stream.cancel();
  }
}

/** Sends the init message, waits for its answer, then hands every further message on. */
async function openStream(
  stream: AnyStream,
  init: AnyMessage,
  onMessage: (message: AnyMessage, stream: AnyStream) => unknown,
): Promise<void> {
  const messages = stream[Symbol.asyncIterator]();
  const isSent = stream.write(init).catch(() => undefined); // the answer brings the stream's own error
  await messages.next();
  await isSent;
  const listen = async () => {
    for (let next = await messages.next(); !next.done; next = await messages.next()) onMessage(next.value, stream);
  };
  listen().catch(() => undefined); // ends with the transfer, which reports the cause
}

function toMessage(platform: Platform) {
  return {
    os: platform.os,
    architecture: platform.architecture,
    variant: platform.variant ?? '',
    osVersion: '',
    osFeatures: [],
  };
}

function toAuthResponse(credentials: RegistryCredentials | undefined): Partial<AuthResponse> {
  if (credentials === undefined) return { authType: 'NONE' };
  if (credentials.registryToken !== undefined)
    return { authType: 'HEADER', secret: `Bearer ${credentials.registryToken}` };
  if (credentials.identityToken !== undefined) return { authType: 'REFRESH', secret: credentials.identityToken };
  return { authType: 'CREDENTIALS', username: credentials.username ?? '', secret: credentials.password ?? '' };
}

function report(progress: Progress, onEvent: (event: PullEvent) => void): void {
  const { event, desc } = progress;
  if (desc === null) return;
  const layer: Descriptor = desc;
  if (event === 'fetching image content') onEvent({ kind: 'resolved', target: layer });
  if (!isLayerType(layer.mediaType)) return;
  if (event === 'waiting') onEvent({ kind: 'layers', manifest: layer, layers: [layer] });
  if (event === 'downloading') onEvent({ kind: 'downloading', layer, current: progress.progress });
  if (event === 'complete') onEvent({ kind: 'downloaded', layer });
  if (event === 'already exists') onEvent({ kind: 'exists', layer });
  if (event === 'extracting' || event === 'extracted') onEvent({ kind: event, layer });
}
