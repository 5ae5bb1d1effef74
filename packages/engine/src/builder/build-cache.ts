// Finds an image that the same step has made before: among the children of the step's parent, or in images named by cachefrom.
import { isNotFound } from '@tscontainer/core/errors';
import type { ImageConfig, ImageProcessConfig } from '@tscontainer/core/oci-image';
import type { EngineContext } from '../containers/engine-context.ts';
import { parseRfc3339 } from '../go-time.ts';
import { contentSink } from '../images/containerd-sinks.ts';
import type { CatalogImage } from '../images/image-catalog.ts';
import { makeImage } from '../images/image-maker.ts';
import type { ImageManager } from '../images/image-manager.ts';
import { buildParentLabel } from '../images/image-names.ts';
import { isSameConfig } from './run-config.ts';
import { type RunConfig, type StepImage, toStepImage } from './step-image.ts';

export interface BuildCacheOptions {
  context: EngineContext;
  images: ImageManager;
  lease: string;
  isUsed: boolean;
  /** Names of images whose history counts too; those that are not here are passed over. */
  cacheFrom: readonly string[];
}

/** Story: `reset` at each FROM, then `probe` per step: after the first miss of a stage nothing is found any more. */
export class BuildCache {
  readonly #options: BuildCacheOptions;
  #sources: CatalogImage[] = [];
  #isBroken = false;

  constructor(options: BuildCacheOptions) {
    this.#options = options;
  }

  async reset(): Promise<void> {
    this.#isBroken = !this.#options.isUsed;
    this.#sources = [];
    if (this.#isBroken) return;
    for (const name of this.#options.cacheFrom) {
      try {
        await this.#options.images.resolve(name); // unpacked, for its layers may be built upon
        this.#sources.push(await this.#options.images.find(name));
      } catch (error) {
        if (!isNotFound(error)) throw error;
      }
    }
  }

  async probe(parent: StepImage | undefined, config: RunConfig): Promise<StepImage | undefined> {
    if (this.#isBroken) return undefined;
    const all = await this.#options.images.catalog.all();
    const local = childOf(all, parent, config);
    const found =
      this.#options.cacheFrom.length === 0
        ? local && toStepImage(local)
        : local !== undefined && this.#sources.some((source) => descendsFrom(all, source, local))
          ? toStepImage(local)
          : await this.#fromHistory(parent, config);
    this.#isBroken = found === undefined;
    return found;
  }

  async #fromHistory(parent: StepImage | undefined, config: RunConfig): Promise<StepImage | undefined> {
    const { context, lease } = this.#options;
    const depth = parent?.config.history?.length ?? 0;
    const command = (config.Cmd ?? []).join(' ');
    for (const source of this.#sources) {
      const history = source.details.config.history ?? [];
      if (!standsOn(source.details.config, parent?.config) || (history[depth]?.created_by ?? '') !== command) continue;
      if (history.length - 1 === depth) {
        if (parent !== undefined) {
          const content = contentSink(context.client, { lease });
          await content.addLabels(source.details.id, { [buildParentLabel]: parent.id });
          source.details.parent = parent.id;
        }
        return toStepImage(source);
      }
      const restored = await this.#restore(parent, source, depth, config);
      this.#sources = [source]; // no jumps between images
      return restored;
    }
    return undefined;
  }

  /** The image in between, which nobody has kept. */
  async #restore(
    parent: StepImage | undefined,
    { details }: CatalogImage,
    depth: number,
    config: RunConfig,
  ): Promise<StepImage> {
    const { context, images, lease } = this.#options;
    const target = details.config;
    const entry = target.history?.[depth];
    const at = parent?.config.rootfs.diff_ids.length ?? 0;
    const layerCount = at + (entry?.empty_layer ? 0 : 1);
    const restored: ImageConfig = {
      architecture: target.architecture,
      os: target.os,
      ...(target.variant === undefined ? {} : { variant: target.variant }),
      ...(target.author === undefined ? {} : { author: target.author }),
      ...(entry?.created === undefined ? {} : { created: entry.created }),
      config: config as ImageProcessConfig,
      container_config: config,
      rootfs: { type: 'layers', diff_ids: target.rootfs.diff_ids.slice(0, layerCount) },
      history: (target.history ?? []).slice(0, depth + 1),
    };
    const layers = details.layers.slice(0, layerCount);
    const { id } = await makeImage(context.client, context.config.snapshotter, lease, {
      config: restored,
      layers,
      name: undefined,
      parent: parent?.id ?? 'scratch',
      isUnpacked: true,
    });
    images.invalidate();
    return { id, config: restored, layers, layerSizes: Promise.resolve(details.layerSizes.slice(0, layerCount)) };
  }
}

/** The most recent one. */
function childOf(all: CatalogImage[], parent: StepImage | undefined, config: RunConfig): CatalogImage | undefined {
  const wanted = parent?.id ?? 'scratch';
  const createdNs = (image: CatalogImage) => parseRfc3339(image.details.config.created ?? '') ?? 0n;
  return all
    .filter(
      ({ details }) =>
        details.isUnpacked &&
        details.parent === wanted &&
        isSameConfig((details.config.container_config ?? {}) as Partial<RunConfig>, config),
    )
    .sort((left, right) => (createdNs(left) < createdNs(right) ? 1 : -1))[0];
}

function descendsFrom(all: CatalogImage[], image: CatalogImage, ancestor: CatalogImage): boolean {
  const byId = new Map(all.map((entry) => [entry.details.id, entry]));
  const seen = new Set<CatalogImage>();
  for (
    let next = byId.get(image.details.parent ?? '');
    next !== undefined && !seen.has(next);
    next = byId.get(next.details.parent ?? '')
  ) {
    if (next.details.id === ancestor.details.id) return true;
    seen.add(next);
  }
  return false;
}

/** The image's history begins with all of the parent's. */
function standsOn(image: ImageConfig, parent: ImageConfig | undefined): boolean {
  const history = image.history ?? [];
  const [parentHistory, parentDiffIds] = [parent?.history ?? [], parent?.rootfs.diff_ids ?? []];
  if (history.length === 0 || parentHistory.length >= history.length) return false;
  const isSameEntry = (at: number) =>
    (['created', 'created_by', 'author', 'comment', 'empty_layer'] as const).every(
      (name) => (history[at]?.[name] || undefined) === (parentHistory[at]?.[name] || undefined),
    );
  return (
    parentHistory.every((_entry, at) => isSameEntry(at)) &&
    parentDiffIds.every((diffId, at) => diffId === image.rootfs.diff_ids[at])
  );
}
