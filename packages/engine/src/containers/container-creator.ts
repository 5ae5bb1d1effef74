// Creates containers: validates, prepares the snapshot, gives the lifecycle daemon its record, commits ours.
import { existsSync, mkdirSync, rmSync } from 'node:fs';
import { ContainerError, errorMessageOf, isNotFound } from '@tscontainer/core/errors';
import { newId } from '@tscontainer/core/ids';
import { type CleanupStack, withCleanup } from '@tscontainer/platform/cleanup-stack';
import { nowText } from '../go-time.ts';
import type { ResolvedImage } from '../images/image-backend.ts';
import { blockWarnings } from './block-limits.ts';
import { Container } from './container.ts';
import type { HostConfig } from './container-config.ts';
import { writeContainerFiles } from './container-files.ts';
import { beginMaking } from './container-making.ts';
import { type ContainerSettings, type MountPoint, newContainerState } from './container-record.ts';
import { copyUpVolumes, prepareSnapshot, removeSnapshot } from './container-snapshot.ts';
import type { CreateRequest } from './create-request.ts';
import { withImageConfig } from './create-request.ts';
import type { EngineContext } from './engine-context.ts';
import { generateName } from './generated-names.ts';
import { idMappingOf } from './id-mapping.ts';
import { checkPropagation } from './mount-propagation.ts';
import { borrowedPoints, mountPointsOf, mountRequestOf, parseVolumesFrom } from './mount-requests.ts';
import { withPeers } from './peer-containers.ts';
import { containerHostname } from './spec-builder.ts';
import { specOf } from './spec-store.ts';

/** What only the builder says. */
export interface CreateOptions {
  /** In place of the one that config.Image names. */
  image?: ResolvedImage;
  isBuildStep?: boolean;
}

export interface CreatedContainer {
  container: Container;
  warnings: string[];
}

/**
 * Everything that can be refused is refused before the first side effect, and a failure later undoes what was done.
 * One commit is all that the answer for an image known before waits for; the lifecycle daemon's half goes on beside it.
 */
export async function createContainer(
  context: EngineContext,
  request: CreateRequest,
  name: string | undefined,
  platform: string | undefined,
  options: CreateOptions = {},
): Promise<CreatedContainer> {
  const image = options.image ?? (await context.images.resolve(request.config.Image));
  if (platform !== undefined) checkPlatform(image, request.config.Image, platform);
  return withCleanup(async (cleanup) => {
    const id = newId();
    const containerName = reserveName(context, cleanup, name, id);
    const settings = settingsOf(context, request, image, id, containerName);
    const letGo = holdVolumes(context, settings);
    cleanup.defer(`volumes of ${id}`, letGo);
    await resolveImageMounts(context, settings);
    if (options.isBuildStep) settings.isBuildStep = true;
    checkMountSources(settings);
    checkPropagation(settings.mountPoints);
    await makeSources(context, cleanup, settings);
    const directory = context.paths.containerData(id);
    cleanup.defer(`directory ${directory}`, () => rmSync(directory, { recursive: true, force: true }));
    writeContainerFiles(directory, settings, context.networks.files.resolver(settings));
    const container = new Container(settings, newContainerState());
    await materialize(context, cleanup, container);
    context.index.add(container);
    letGo();
    context.events.publish('container', 'create', id, container.eventAttributes());
    return { container, warnings: warningsOf(settings) };
  });
}

/** Not-found, by which docker's client pulls the image of the other platform. */
function checkPlatform(image: ResolvedImage, text: string, platform: string): void {
  const [os = '', architecture, variant] = platform.toLowerCase().split('/');
  const { config } = image;
  const isSame =
    os === config.os &&
    (architecture === undefined || normalizedArchitecture(architecture) === config.architecture) &&
    (variant === undefined || variant === (config.variant ?? variant));
  if (!isSame)
    throw new ContainerError(
      'not-found',
      `No such image: image with reference ${text} was found but its platform (${config.os}/${config.architecture}) does not match the specified platform (${platform})`,
    );
}

function normalizedArchitecture(name: string): string {
  return { x86_64: 'amd64', 'x86-64': 'amd64', aarch64: 'arm64', armhf: 'arm', armel: 'arm' }[name] ?? name;
}

function reserveName(context: EngineContext, cleanup: CleanupStack, name: string | undefined, id: string): string {
  const chosen = name?.replace(/^\//, '') ?? generateName((candidate) => context.index.isTaken(candidate));
  context.index.reserve(chosen, id);
  cleanup.defer(`name ${chosen}`, () => context.index.release(chosen));
  return chosen;
}

function settingsOf(
  context: EngineContext,
  request: CreateRequest,
  image: ResolvedImage,
  id: string,
  name: string,
): ContainerSettings {
  const config = withImageConfig(request.config, image.config);
  const hostConfig = withPeers(
    { ...request.hostConfig, Runtime: request.hostConfig.Runtime || context.runtimes.defaultName },
    (peer) => context.index.tryFind(peer),
  );
  config.Hostname = containerHostname({ id }, config, hostConfig);
  const runtime = context.runtimes.choose(hostConfig.Runtime);
  // of all containers: asked for by few
  const taken = () => context.index.values().flatMap((other) => other.settings.idMapping ?? []);
  return {
    id,
    name,
    created: nowText(),
    config,
    hostConfig,
    imageId: image.id,
    imageReference: image.reference,
    chainId: image.chainId,
    args: [...(config.Entrypoint ?? []), ...(config.Cmd ?? [])],
    snapshotter: context.config.snapshotter,
    snapshotKey: id,
    runtime: runtime.name,
    ...(runtime.options === undefined ? {} : { runtimeOptions: runtime.options }),
    mountPoints: mountPointsOf(hostConfig, config.Volumes, lentPoints(context, hostConfig)).map((point) =>
      point.type === 'volume' ? { ...point, source: context.volumes.mountpoint(point.name) } : point,
    ),
    idMapping: idMappingOf(hostConfig, context.config, taken),
    endpoints: context.networks.namedEndpoints(request.endpoints),
  };
}

/** Throws invalid-argument for a container that is not there: by a 404 docker's client would pull the image. */
function lentPoints(context: EngineContext, hostConfig: HostConfig): MountPoint[] {
  return (hostConfig.VolumesFrom ?? []).map(parseVolumesFrom).flatMap(({ name, mode }) => {
    try {
      return borrowedPoints(context.index.find(name).settings.mountPoints, mode);
    } catch (error) {
      throw new ContainerError('invalid-argument', errorMessageOf(error), { cause: error });
    }
  });
}

/** Rejects not-found; the layers are held from the start on. */
async function resolveImageMounts(context: EngineContext, settings: ContainerSettings): Promise<void> {
  for (const point of settings.mountPoints)
    if (point.type === 'image') point.chainId = (await context.images.resolve(point.source)).chainId;
}

/** A source of `--mount` must exist; one of `-v` is made. */
function checkMountSources({ hostConfig, mountPoints }: ContainerSettings): void {
  for (const point of mountPoints) {
    const mount = mountRequestOf(hostConfig, point);
    const isMade = mount === undefined || mount.BindOptions?.CreateMountpoint === true;
    if (point.type === 'bind' && !isMade && !existsSync(point.source)) {
      throw new ContainerError(
        'invalid-argument',
        `invalid mount config for type "bind": bind source path does not exist: ${point.source}`,
      );
    }
  }
}

/** Nobody removes one of them before the container is there that has them. */
function holdVolumes(context: EngineContext, { id, mountPoints }: ContainerSettings): () => void {
  const names = mountPoints.flatMap(({ type, name }) => (type === 'volume' ? [name] : []));
  return context.volumes.hold(names, id);
}

async function makeSources(context: EngineContext, cleanup: CleanupStack, settings: ContainerSettings): Promise<void> {
  const ownerId = settings.idMapping?.hostID;
  for (const point of settings.mountPoints) {
    if (point.type === 'bind' && !existsSync(point.source)) mkdirSync(point.source, { recursive: true });
    if (point.type !== 'volume') continue;
    const isNew = !context.volumes.has(point.name);
    const mount = mountRequestOf(settings.hostConfig, point)?.VolumeOptions;
    const driverOptions = mount?.DriverConfig?.Options ?? {};
    const volume = await context.volumes
      .ensure(point.name, {
        isAnonymous: point.isAnonymous,
        ownerId,
        driver: mount === undefined ? settings.hostConfig.VolumeDriver : mount.DriverConfig?.Name,
        driverOptions: Object.keys(driverOptions).length === 0 ? null : driverOptions,
        ...(mount?.Labels === undefined ? {} : { labels: mount.Labels }),
      })
      .catch((error) => {
        // by a 404 docker's client would pull the image
        if (isNotFound(error))
          throw new ContainerError('invalid-argument', `create ${point.name}: ${errorMessageOf(error)}`, {
            cause: error,
          });
        throw error;
      });
    if (volume.driver !== undefined) Object.assign(point, { driver: volume.driver, source: '' });
    if (isNew) cleanup.defer(`volume ${point.name}`, () => context.volumes.discard(point.name, settings.id));
  }
}

/**
 * Our commit, and the daemon's half beside it. The answer waits for the latter only where more is to be done with it:
 * an image whose users are not known yet, an owner shift, volumes to fill.
 */
async function materialize(context: EngineContext, cleanup: CleanupStack, container: Container): Promise<void> {
  const { settings } = container;
  const known = context.userFiles.get(settings.chainId);
  const hasVolumes = settings.mountPoints.some((point) => point.type === 'volume');
  const isSimple = known !== undefined && settings.idMapping === undefined && !hasVolumes;
  cleanup.defer(`snapshot ${settings.snapshotKey}`, () => removeSnapshot(context, settings));
  const prepared = prepareSnapshot(context, settings);
  const files = known ?? (await context.userFiles.read(settings.chainId, await prepared));
  const built = await settle(prepared, () => specOf(context, settings, files, false));
  cleanup.defer(`record ${settings.id}`, () => deleteRecord(context, settings.id));
  cleanup.defer(`entry ${settings.id}`, () => context.store.remove(settings.id));
  beginMaking(context, container, prepared, built);
  cleanup.defer(`making ${settings.id}`, () => container.made.catch(() => undefined));
  await context.store.add(settings, container.state);
  if (isSimple) return;
  await container.made;
  if (hasVolumes) await copyUpVolumes(context, settings, await prepared);
}

async function settle<T>(pending: Promise<unknown>, work: () => T): Promise<T> {
  try {
    return work();
  } catch (error) {
    await pending;
    throw error;
  }
}

export async function deleteRecord(context: EngineContext, id: string): Promise<void> {
  try {
    await context.client.containers.Delete({ id });
  } catch (error) {
    if (!isNotFound(error)) throw error;
    context.log.debug({ id, err: errorMessageOf(error) }, 'record was gone');
  }
}

function warningsOf({ hostConfig }: ContainerSettings): string[] {
  const publishes = Object.keys(hostConfig.PortBindings).length > 0 || hostConfig.PublishAllPorts;
  return [
    ...(publishes && hostConfig.NetworkMode === 'host'
      ? ['Published ports are discarded when using host network mode']
      : []),
    ...blockWarnings(hostConfig),
  ];
}
