// POST /commit: what a container wrote becomes a layer on its image, and its settings the new image's.
import type { ImageConfig, ImageProcessConfig } from '@tscontainer/core/oci-image';
import { idsOf } from '../container-files/container-root.ts';
import type { Container } from '../containers/container.ts';
import type { ContainerConfig } from '../containers/container-config.ts';
import { layerMounts } from '../containers/container-making.ts';
import type { EngineContext } from '../containers/engine-context.ts';
import { nowText } from '../go-time.ts';
import { applyChanges } from './config-changes.ts';
import type { CatalogImage } from './image-catalog.ts';
import { withLease } from './image-lease.ts';
import { makeImage } from './image-maker.ts';
import { layerOfSnapshot } from './layer-writer.ts';

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

/** Resolves with the image's id. A running container is to be paused by the caller. */
export async function commitContainer(context: EngineContext, request: CommitRequest): Promise<string> {
  const { client, config } = context;
  const settings = applyChanges(mergedConfig(request.config, request.container.settings.config), request.changes);
  return withLease(client, 'commit', async (lease) => {
    const { snapshotter, snapshotKey: key, chainId } = request.container.settings;
    const mounts = await layerMounts(context, request.container);
    const layer = await layerOfSnapshot(
      context,
      { snapshotter, key, mounts, ids: idsOf(request.container), isLowest: chainId === '' },
      lease,
    );
    const base = request.base?.details;
    const created = nowText();
    const image: ImageConfig = {
      architecture: base?.config.architecture ?? 'amd64',
      os: base?.config.os ?? 'linux',
      ...(base?.config.variant === undefined ? {} : { variant: base.config.variant }),
      created,
      ...(request.author === '' ? {} : { author: request.author }),
      config: settings,
      rootfs: {
        type: 'layers',
        diff_ids: [...(base?.config.rootfs.diff_ids ?? []), ...(layer === undefined ? [] : [layer.diffId])],
      },
      history: [
        ...(base?.config.history ?? []),
        {
          created,
          created_by: (request.container.settings.config.Cmd ?? []).join(' '),
          ...(request.author === '' ? {} : { author: request.author }),
          ...(request.comment === '' ? {} : { comment: request.comment }),
          ...(layer === undefined ? { empty_layer: true } : {}),
        },
      ],
    };
    const layers = [...(base?.layers ?? []), ...(layer === undefined ? [] : [layer.descriptor])];
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
  const labels = { ...container.Labels, ...own.Labels };
  const healthcheck = own.Healthcheck ?? container.Healthcheck;
  const shell = own.Shell ?? container.Shell;
  const stopSignal = own.StopSignal || container.StopSignal;
  return {
    User: own.User || container.User,
    Env: list(own.Env, container.Env),
    Cmd: cmd,
    Entrypoint: hasEntrypoint ? (own.Entrypoint ?? null) : container.Entrypoint,
    WorkingDir: own.WorkingDir || container.WorkingDir,
    ...(Object.keys(labels).length === 0 ? {} : { Labels: labels }),
    ...(Object.keys(ports).length === 0 ? {} : { ExposedPorts: ports }),
    ...(Object.keys(volumes).length === 0 ? {} : { Volumes: volumes }),
    ...(healthcheck === undefined ? {} : { Healthcheck: healthcheck as ImageProcessConfig['Healthcheck'] }),
    ...(shell === undefined ? {} : { Shell: shell }),
    ...(stopSignal ? { StopSignal: stopSignal } : {}),
    ...(own.OnBuild == null && container.OnBuild == null ? {} : { OnBuild: own.OnBuild ?? container.OnBuild }),
  } as ImageProcessConfig;
}
