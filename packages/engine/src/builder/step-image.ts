// What a step of a build leaves: an image, its parent by a label of its config, so that the next build finds it again.
import type { Digest } from '@tscontainer/core/digest';
import type { Descriptor, ImageConfig, ImageProcessConfig } from '@tscontainer/core/oci-image';
import { chainIdOf } from '@tscontainer/distribution/chain-id';
import type { ContainerConfig } from '../containers/container-config.ts';
import type { EngineContext } from '../containers/engine-context.ts';
import { nowText } from '../go-time.ts';
import type { ResolvedImage } from '../images/image-backend.ts';
import type { CatalogImage } from '../images/image-catalog.ts';
import { makeImage } from '../images/image-maker.ts';
import type { NewLayer } from '../images/layer-writer.ts';

/** Undefined stands for `scratch` wherever an image may be missing. */
export interface StepImage {
  id: Digest;
  config: ImageConfig;
  layers: Descriptor[];
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
  return { id: details.id, config: details.config, layers: details.layers };
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

/** Held by `lease` until its record is there; no name yet. */
export async function commitStep(
  context: EngineContext,
  lease: string,
  parent: StepImage | undefined,
  step: Step,
): Promise<StepImage> {
  const created = nowText();
  const author = step.author === '' ? {} : { author: step.author };
  const config: ImageConfig = {
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
  const layers = [...(parent?.layers ?? []), ...(step.layer === undefined ? [] : [step.layer.descriptor])];
  const { id } = await makeImage(context.client, context.config.snapshotter, lease, {
    config,
    layers,
    name: undefined,
    parent: parent?.id ?? 'scratch',
    isUnpacked: step.layer?.isUnpacked ?? true,
  });
  return { id, config, layers };
}
