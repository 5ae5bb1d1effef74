// What a step of a build leaves: an image, its parent by a label of its config, so that the next build finds it again.
import type { Digest } from '@tscontainer/core/digest';
import type { Descriptor, ImageConfig, ImageProcessConfig } from '@tscontainer/core/oci-image';
import { chainIdOf } from '@tscontainer/distribution/chain-id';
import type { ContainerConfig } from '../containers/container-config.ts';
import type { EngineContext } from '../containers/engine-context.ts';
import { nowText } from '../go-time.ts';
import type { ResolvedImage } from '../images/image-backend.ts';
import type { CatalogImage, ImageCatalog } from '../images/image-catalog.ts';
import { type ComposedImage, composeImage, storeImage } from '../images/image-maker.ts';
import type { NewLayer } from '../images/layer-writer.ts';

/** Undefined stands for `scratch` wherever an image may be missing. */
export interface StepImage {
  id: Digest;
  config: ImageConfig;
  layers: Descriptor[];
  /** Bytes of each unpacked layer. */
  layerSizes: Promise<number[]>;
}

/** A container's config as Go writes it: labels may be null. */
export type RunConfig = Omit<ContainerConfig, 'Labels'> & { Labels: Record<string, string> | null };

export interface Step {
  /** What further containers of the image run with. */
  runConfig: RunConfig;
  /** The step's own command: the cache's key, and what history shows. */
  containerConfig: RunConfig;
  author: string;
  /** Undefined: nothing in the filesystem changed. */
  layer: NewLayer | undefined;
  /** Of the container that made it; '' when none was needed. */
  containerId: string;
  os: string;
  architecture: string;
  variant: string | undefined;
}

export function toStepImage({ details }: CatalogImage): StepImage {
  const { id, config, layers } = details;
  return { id, config, layers, layerSizes: Promise.resolve(details.layerSizes) };
}

export function chainIdOfStep(image: StepImage | undefined): Digest {
  return chainIdOf(image?.config.rootfs.diff_ids ?? []);
}

/** For containers: as the catalog would say it, without asking. */
export function toResolvedImage(image: StepImage | undefined): ResolvedImage {
  const id = image?.id ?? '';
  const config = image?.config ?? { architecture: '', os: 'linux', rootfs: { type: 'layers', diff_ids: [] } };
  return {
    id,
    reference: id,
    target: { mediaType: '', digest: id, size: 0 },
    config,
    chainId: chainIdOfStep(image),
    size: 0,
    repoTags: [],
    repoDigests: [],
  };
}

/** The image is known at once; `stored` resolves when its record is there. Held by `lease` until then; no name yet. */
export function commitStep(
  context: EngineContext,
  catalog: ImageCatalog,
  lease: string,
  parent: StepImage | undefined,
  step: Step,
): { image: StepImage; stored: Promise<void> } {
  const config = configOf(parent, step);
  const layers = [...(parent?.layers ?? []), ...(step.layer === undefined ? [] : [step.layer.descriptor])];
  const composed = composeImage({
    config,
    layers,
    name: undefined,
    parent: parent?.id ?? 'scratch',
    isUnpacked: step.layer?.isUnpacked ?? true,
  });
  const isThere = Promise.withResolvers<void>();
  const sizes = layerSizes(context, parent, step, composed.chainIds, isThere.promise);
  const stored = store(context, catalog, lease, composed, step, sizes);
  // a layer that is unpacked only now has its size only then
  if (step.layer?.isUnpacked === false) stored.then(isThere.resolve, isThere.reject);
  else isThere.resolve();
  return { image: { id: composed.id, config, layers, layerSizes: sizes }, stored };
}

async function store(
  context: EngineContext,
  catalog: ImageCatalog,
  lease: string,
  composed: ComposedImage,
  { layer }: Step,
  sizes: Promise<number[]>,
): Promise<void> {
  await layer?.stored;
  await storeImage(context.client, context.config.snapshotter, lease, composed);
  if (layer !== undefined && !layer.isUnpacked) return catalog.invalidate();
  const { id, parts, manifest, target, chainIds } = composed;
  catalog.learn({
    id,
    target,
    manifest: target,
    layers: parts.layers,
    manifestBody: manifest,
    configDescriptor: manifest.config,
    config: parts.config,
    chainIds,
    layerSizes: await sizes,
    isUnpacked: true,
    parent: parts.parent,
  });
}

/** The parent's, and the new layer's once its snapshot is there. */
function layerSizes(
  context: EngineContext,
  parent: StepImage | undefined,
  { layer }: Step,
  chainIds: readonly Digest[],
  isThere: Promise<void>,
): Promise<number[]> {
  const below = parent?.layerSizes ?? Promise.resolve([]);
  if (layer === undefined) return below;
  const request = { snapshotter: context.config.snapshotter, key: chainIds.at(-1) ?? '' };
  const own = isThere.then(() => context.client.snapshots.Usage(request));
  const sizes = Promise.all([below, own]).then(([known, { size }]) => [...known, size]);
  sizes.catch(() => undefined); // whoever stores the image waits for it
  return sizes;
}

function configOf(parent: StepImage | undefined, step: Step): ImageConfig {
  const created = nowText();
  const author = step.author === '' ? {} : { author: step.author };
  return {
    architecture: step.architecture,
    ...(step.variant === undefined ? {} : { variant: step.variant }),
    os: step.os,
    created,
    ...author,
    config: step.runConfig as ImageProcessConfig,
    ...(step.containerId === '' ? {} : { container: step.containerId }),
    container_config: step.containerConfig,
    rootfs: {
      type: 'layers',
      diff_ids: [...(parent?.config.rootfs.diff_ids ?? []), ...(step.layer === undefined ? [] : [step.layer.diffId])],
    },
    history: [
      ...(parent?.config.history ?? []),
      {
        created,
        created_by: (step.containerConfig.Cmd ?? []).join(' '),
        ...author,
        ...(step.layer === undefined ? { empty_layer: true } : {}),
      },
    ],
  };
}
