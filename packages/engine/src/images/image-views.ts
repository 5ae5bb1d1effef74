// Docker's JSON shapes of images: the row of a list, inspect, history. Pure: the routes and the manager call them.
import type { ImageProcessConfig } from '@tscontainer/core/oci-image';
import { type ContainerConfig, emptyConfig } from '../containers/container-config.ts';
import { isAtLeast } from '../http/api-version.ts';
import { type CatalogImage, repoDigestsOf, repoTagsOf, sizeOf } from './image-catalog.ts';

export interface ImageSummary {
  Containers: number;
  /** Seconds. */
  Created: number;
  Id: string;
  Labels: Record<string, string> | null;
  ParentId: string;
  RepoDigests: string[];
  RepoTags: string[];
  SharedSize: number;
  Size: number;
  VirtualSize?: number;
}

export interface HistoryRow {
  Comment: string;
  Created: number;
  CreatedBy: string;
  Id: string;
  Size: number;
  Tags: string[] | null;
}

const zeroTime = '0001-01-01T00:00:00Z';

export function createdSeconds(image: CatalogImage): number {
  const milliseconds = Date.parse(image.details.config.created ?? '');
  return Number.isNaN(milliseconds) ? 0 : Math.floor(milliseconds / 1000);
}

/** Of what a build made here; else ''. */
function parentIdOf({ details }: CatalogImage): string {
  return details.parent === undefined || details.parent === 'scratch' ? '' : details.parent;
}

/** Before API 1.43 an untagged image is `<none>:<none>`, and 1.44 dropped VirtualSize. */
export function toSummary(image: CatalogImage, apiVersion: string): ImageSummary {
  const hasNone = !isAtLeast(apiVersion, '1.43');
  const repoTags = repoTagsOf(image);
  const repoDigests = repoDigestsOf(image);
  const size = sizeOf(image);
  return {
    Containers: -1,
    Created: createdSeconds(image),
    Id: image.details.id,
    Labels: image.details.config.config?.Labels ?? null,
    ParentId: parentIdOf(image),
    RepoDigests: hasNone && repoDigests.length === 0 ? ['<none>@<none>'] : repoDigests,
    RepoTags: hasNone && repoTags.length === 0 ? ['<none>:<none>'] : repoTags,
    SharedSize: -1,
    Size: size,
    ...(isAtLeast(apiVersion, '1.44') ? {} : { VirtualSize: size }),
  };
}

/** How many containers are of each image, by its id. */
export function usersOfImages(containers: { settings: { imageId: string } }[]): Map<string, number> {
  const users = new Map<string, number>();
  for (const { settings } of containers) users.set(settings.imageId, (users.get(settings.imageId) ?? 0) + 1);
  return users;
}

/** Bytes of the layers that other images have too. */
export function sharedSize(image: CatalogImage, all: CatalogImage[]): number {
  const others = new Set(all.filter((other) => other !== image).flatMap((other) => other.details.chainIds));
  return image.details.chainIds.reduce(
    (sum, chainId, index) => sum + (others.has(chainId) ? (image.details.layerSizes[index] ?? 0) : 0),
    0,
  );
}

/** Fields of a container's config that an image cannot have: docker told them, empty, until API 1.50. */
function containerOnlyFields(): Partial<ContainerConfig> {
  const { Hostname, Domainname, AttachStdin, AttachStdout, AttachStderr, Tty, OpenStdin, StdinOnce } = emptyConfig;
  return { Hostname, Domainname, AttachStdin, AttachStdout, AttachStderr, Tty, OpenStdin, StdinOnce };
}

/** Go writes fields that are empty, too; clients read some without asking whether they are there. */
function toContainerConfig(config: ImageProcessConfig, hasContainerFields: boolean): object {
  return {
    ...(hasContainerFields ? { ...containerOnlyFields(), Image: config.Image ?? '' } : {}),
    User: config.User ?? '',
    ...(config.ExposedPorts ? { ExposedPorts: config.ExposedPorts } : {}),
    Env: config.Env ?? null,
    Cmd: config.Cmd ?? null,
    ...(config.Healthcheck ? { Healthcheck: config.Healthcheck } : {}),
    ...(config.ArgsEscaped ? { ArgsEscaped: true } : {}),
    Volumes: config.Volumes ?? null,
    WorkingDir: config.WorkingDir ?? '',
    Entrypoint: config.Entrypoint ?? null,
    OnBuild: config.OnBuild ?? null,
    Labels: config.Labels ?? null,
    ...(config.StopSignal ? { StopSignal: config.StopSignal } : {}),
    ...(config.Shell ? { Shell: config.Shell } : {}),
  };
}

export function toInspect(image: CatalogImage, snapshotter: string, apiVersion: string): object {
  const { details } = image;
  const { config } = details;
  const size = sizeOf(image);
  return {
    Id: details.id,
    RepoTags: repoTagsOf(image),
    RepoDigests: repoDigestsOf(image),
    Parent: parentIdOf(image),
    Comment: config.history?.at(-1)?.comment ?? '',
    Created: config.created ?? zeroTime,
    DockerVersion: '',
    Author: config.author ?? '',
    Config: toContainerConfig(config.config ?? {}, !isAtLeast(apiVersion, '1.50')),
    Architecture: config.architecture,
    ...(config.variant ? { Variant: config.variant } : {}),
    Os: config.os,
    Size: size,
    ...(isAtLeast(apiVersion, '1.44') ? {} : { VirtualSize: size }),
    GraphDriver: { Data: null, Name: snapshotter },
    RootFS: details.chainIds.length === 0 ? { Type: 'layers' } : { Type: 'layers', Layers: config.rootfs.diff_ids },
    Metadata: { LastTagTime: lastTagTime(image) },
    ...(isAtLeast(apiVersion, '1.48') ? { Descriptor: descriptorOf(image) } : {}),
  };
}

function descriptorOf({ details }: CatalogImage): object {
  const { mediaType, digest, size } = details.target;
  return { mediaType, digest, size };
}

function lastTagTime(image: CatalogImage): string {
  const times = image.records.map(({ updatedAt }) =>
    updatedAt === null ? 0 : updatedAt.seconds * 1000 + updatedAt.nanos / 1e6,
  );
  const last = Math.max(0, ...times);
  return last === 0 ? zeroTime : new Date(last).toISOString();
}

/** The newest first. Only the top rows have ids, `ancestors` the nearest first: what lies below is no image here. */
export function toHistory(image: CatalogImage, ancestors: CatalogImage[]): HistoryRow[] {
  const { details } = image;
  const recorded = details.config.history ?? [];
  const entries =
    recorded.length > 0
      ? recorded
      : details.chainIds.map(() => ({ created: details.config.created ?? zeroTime, created_by: '' }));
  let layer = 0;
  const rows = entries.map((entry): HistoryRow => {
    const isEmpty = 'empty_layer' in entry && entry.empty_layer === true;
    const milliseconds = Date.parse(entry.created ?? '');
    return {
      Comment: ('comment' in entry && entry.comment) || '',
      Created: Number.isNaN(milliseconds) ? 0 : Math.floor(milliseconds / 1000),
      CreatedBy: entry.created_by ?? '',
      Id: '<missing>',
      Size: isEmpty ? 0 : (details.layerSizes[layer++] ?? 0),
      Tags: null,
    };
  });
  rows.reverse();
  for (const [at, owner] of [image, ...ancestors].entries()) {
    const row = rows[at];
    const tags = repoTagsOf(owner);
    if (row !== undefined)
      Object.assign(row, { Id: owner.details.id, Tags: at > 0 && tags.length === 0 ? null : tags });
  }
  return rows;
}
