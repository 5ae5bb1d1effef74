// POST /commit: what a container wrote becomes a layer on its image, and its settings the new image's.
import { createReadStream, existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { randomHex } from '@tscontainer/core/ids';
import type { Descriptor, ImageConfig, ImageProcessConfig } from '@tscontainer/core/oci-image';
import { mediaTypes } from '@tscontainer/core/oci-image';
import { putStream } from '@tscontainer/distribution/content-ingest';
import { writeTree } from '@tscontainer/linux/archive';
import { lookUpInRoot, type Mount } from '@tscontainer/linux/mounts';
import { idsOf } from '../container-files/container-root.ts';
import { runtimePlaces } from '../container-files/filesystem-changes.ts';
import type { Container } from '../containers/container.ts';
import type { ContainerConfig } from '../containers/container-config.ts';
import { containerMounts } from '../containers/container-making.ts';
import type { EngineContext } from '../containers/engine-context.ts';
import { nowText } from '../go-time.ts';
import { applyChanges } from './config-changes.ts';
import { containerdSinks } from './containerd-sinks.ts';
import type { CatalogImage } from './image-catalog.ts';
import { withLease } from './image-lease.ts';
import { makeImage } from './image-maker.ts';

export interface CommitRequest {
  container: Container;
  /** The container's image; undefined when it is gone. */
  base: CatalogImage | undefined;
  /** What the client sent in place of the container's own config; its empty fields are filled from there. */
  config: Partial<ContainerConfig>;
  changes: string[];
  author: string;
  comment: string;
  /** Record name; undefined for none. */
  name: string | undefined;
}

interface Layer {
  descriptor: Descriptor;
  diffId: string;
}

/** Resolves with the image's id. A running container is to be paused by the caller. */
export async function commitContainer(context: EngineContext, request: CommitRequest): Promise<string> {
  const { client, config } = context;
  const settings = applyChanges(mergedConfig(request.config, request.container.settings.config), request.changes);
  return withLease(client, 'commit', async (lease) => {
    const layer = await layerOf(context, request.container, lease);
    const base = request.base?.details;
    const created = nowText();
    const image: ImageConfig = {
      architecture: base?.config.architecture ?? 'amd64',
      os: base?.config.os ?? 'linux',
      ...(base?.config.variant === undefined ? {} : { variant: base.config.variant }),
      created,
      ...(request.author === '' ? {} : { author: request.author }),
      config: settings,
      rootfs: { type: 'layers', diff_ids: [...(base?.config.rootfs.diff_ids ?? []), layer.diffId] },
      history: [
        ...(base?.config.history ?? []),
        {
          created,
          created_by: (request.container.settings.config.Cmd ?? []).join(' '),
          ...(request.author === '' ? {} : { author: request.author }),
          ...(request.comment === '' ? {} : { comment: request.comment }),
        },
      ],
    };
    const layers = [...(base?.layers ?? []), layer.descriptor];
    return (await makeImage(client, config.snapshotter, lease, { config: image, layers, name: request.name })).id;
  });
}

function mergedConfig(own: Partial<ContainerConfig>, container: ContainerConfig): ImageProcessConfig {
  const list = (mine: string[] | null | undefined, theirs: string[] | null | undefined) => {
    const names = new Set((mine ?? []).map((entry) => entry.split('=', 1)[0]));
    return [...(mine ?? []), ...(theirs ?? []).filter((entry) => !names.has(entry.split('=', 1)[0]))];
  };
  const hasEntrypoint = (own.Entrypoint ?? []).length > 0;
  const cmd = (own.Cmd ?? []).length > 0 || hasEntrypoint ? (own.Cmd ?? null) : container.Cmd;
  const ports = { ...container.ExposedPorts, ...own.ExposedPorts };
  const volumes = { ...container.Volumes, ...own.Volumes };
  const healthcheck = own.Healthcheck ?? container.Healthcheck;
  const shell = own.Shell ?? container.Shell;
  const stopSignal = own.StopSignal || container.StopSignal;
  return {
    User: own.User || container.User,
    Env: list(own.Env, container.Env),
    Cmd: cmd,
    Entrypoint: hasEntrypoint ? (own.Entrypoint ?? null) : container.Entrypoint,
    WorkingDir: own.WorkingDir || container.WorkingDir,
    Labels: { ...container.Labels, ...own.Labels },
    ...(Object.keys(ports).length === 0 ? {} : { ExposedPorts: ports }),
    ...(Object.keys(volumes).length === 0 ? {} : { Volumes: volumes }),
    ...(healthcheck === undefined ? {} : { Healthcheck: healthcheck as ImageProcessConfig['Healthcheck'] }),
    ...(shell === undefined ? {} : { Shell: shell }),
    ...(stopSignal ? { StopSignal: stopSignal } : {}),
    ...(own.OnBuild == null && container.OnBuild == null ? {} : { OnBuild: own.OnBuild ?? container.OnBuild }),
  } as ImageProcessConfig;
}

async function layerOf(context: EngineContext, container: Container, lease: string): Promise<Layer> {
  const mounts = await containerMounts(context, container);
  const upper = optionOf(mounts, 'upperdir=');
  if (upper !== undefined && existsSync(upper)) return overlayLayer(context, container, mounts, upper, lease);
  return comparedLayer(context, container, mounts, lease);
}

function optionOf(mounts: Mount[], key: string): string | undefined {
  const overlay = mounts.find((mount) => mount.type === 'overlay');
  return overlay?.options.find((option) => option.startsWith(key))?.slice(key.length);
}

/** Overlay's upper directory is the layer, but for the places that the runtime made for its mounts. */
async function overlayLayer(
  context: EngineContext,
  container: Container,
  mounts: Mount[],
  upper: string,
  lease: string,
): Promise<Layer> {
  const lowers = (optionOf(mounts, 'lowerdir=') ?? '').split(':').filter((path) => path !== '');
  mkdirSync(context.paths.temporary, { recursive: true, mode: 0o700 });
  const scratch = mkdtempSync(join(context.paths.temporary, 'layer-'));
  const archive = join(scratch, 'layer.tar.gz');
  try {
    const { digest, diffId, size } = await writeTree({
      source: upper,
      archive,
      overlayWhiteouts: true,
      compression: 'gzip',
      excluded: await madeByRuntime(upper, lowers),
      ids: idsOf(container),
    });
    const descriptor = { mediaType: mediaTypes.ociLayerGzip, digest, size };
    const { content } = containerdSinks(context.client, context.config.snapshotter, lease);
    const labels = { 'containerd.io/uncompressed': diffId };
    const open = (offset: number) => createReadStream(archive, { start: offset }) as AsyncIterable<Buffer>;
    await putStream(content, descriptor, labels, open, () => undefined);
    return { descriptor, diffId };
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

async function madeByRuntime(upper: string, lowers: string[]): Promise<string[]> {
  const excluded: string[] = [];
  for (const place of runtimePlaces) {
    const path = place.slice(1);
    if ((await lookUpInRoot(upper, path)) === null) continue;
    const below = await Promise.all(lowers.map((lower) => lookUpInRoot(lower, path)));
    if (below.every((found) => found === null)) excluded.push(path);
  }
  return excluded;
}

/** Of another snapshotter: the lifecycle daemon compares the container with its parent. */
async function comparedLayer(
  context: EngineContext,
  container: Container,
  right: Mount[],
  lease: string,
): Promise<Layer> {
  const { client } = context;
  const { snapshotter, snapshotKey } = container.settings;
  const { info } = await client.snapshots.Stat({ snapshotter, key: snapshotKey });
  const key = `${snapshotKey}-commit-${randomHex(4)}`;
  const { mounts: left } = await client.snapshots.View({ snapshotter, key, parent: info?.parent ?? '', labels: {} });
  try {
    const { diff } = await client.diff.Diff(
      { left, right, mediaType: mediaTypes.ociLayerGzip, ref: key, labels: {} },
      { lease },
    );
    const digest = diff?.digest ?? '';
    const { info: stored } = await client.content.Info({ digest });
    const diffId = stored?.labels['containerd.io/uncompressed'] ?? digest;
    return {
      descriptor: { mediaType: diff?.mediaType ?? mediaTypes.ociLayerGzip, digest, size: diff?.size ?? 0 },
      diffId,
    };
  } finally {
    await client.snapshots.Remove({ snapshotter, key });
  }
}
