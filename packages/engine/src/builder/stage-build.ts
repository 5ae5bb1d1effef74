// One stage of a build while its instructions are carried out: its config, its image, and how a step becomes an image.
import { shortId } from '@tscontainer/core/ids';
import { hostPlatform, parsePlatform } from '@tscontainer/distribution/platform-match';
import type { EngineContext } from '../containers/engine-context.ts';
import type { ImageManager } from '../images/image-manager.ts';
import type { NewLayer } from '../images/layer-writer.ts';
import type { BaseImages } from './base-images.ts';
import type { BuildArgs } from './build-args.ts';
import type { BuildCache } from './build-cache.ts';
import type { BuildContainers, StepContainer } from './build-containers.ts';
import { buildFailure } from './build-failure.ts';
import type { BuildOutput } from './build-output.ts';
import type { BuildRequest } from './build-request.ts';
import type { CopyOrigin } from './copy-origin.ts';
import { expandWord } from './dockerfile/word-expansion.ts';
import { runConfigOf, shellOf } from './run-config.ts';
import { commitStep, type RunConfig, type StepImage } from './step-image.ts';

/** What all stages of one build share. */
export interface Build {
  context: EngineContext;
  images: ImageManager;
  request: BuildRequest;
  output: BuildOutput;
  /** Holds what the build makes until its records are there. */
  lease: string;
  cache: BuildCache;
  containers: BuildContainers;
  bases: BaseImages;
  /** Undefined: a Dockerfile without a context. */
  origin: CopyOrigin | undefined;
  escapeToken: string;
  finished: FinishedStages;
  pending: PendingImages;
}

/** Images of steps that are being stored. */
export class PendingImages {
  readonly #all: Promise<void>[] = [];

  add(stored: Promise<void>): void {
    stored.catch(() => undefined); // `settled` tells
    this.#all.push(stored);
  }

  /** Waits for every one of them, then rejects with the first failure. */
  async settled(): Promise<void> {
    const outcomes = await Promise.allSettled(this.#all.splice(0));
    for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason;
  }
}

/** The stages before, by name and by number. */
export class FinishedStages {
  readonly #images: (StepImage | undefined)[] = [];
  readonly #indexes = new Map<string, number>();

  get images(): readonly (StepImage | undefined)[] {
    return this.#images;
  }

  add(name: string, image: StepImage | undefined): void {
    if (name !== '') this.#indexes.set(name.toLowerCase(), this.#images.length);
    this.#images.push(image);
  }

  indexOfName(name: string): number | undefined {
    return this.#indexes.get(name.toLowerCase());
  }

  /** Undefined when it names no stage. Throws invalid-argument for a number that is none. */
  indexOf(reference: string): number | undefined {
    const named = this.indexOfName(reference);
    if (named !== undefined || !/^[+-]?\d+$/.test(reference)) return named;
    const index = Number(reference);
    if (index === this.#images.length) throw buildFailure('refers to current build stage');
    if (index < 0 || index > this.#images.length) throw buildFailure('index out of bounds');
    return index;
  }
}

export class StageBuild {
  readonly build: Build;
  readonly args: BuildArgs;
  config: RunConfig = runConfigOf(undefined);
  /** Undefined: nothing yet, on `scratch`. */
  image: StepImage | undefined;
  author = '';
  /** CMD was given in this stage: ENTRYPOINT leaves it then. */
  isCmdSet = false;
  #platform = hostPlatform();

  constructor(build: Build, args: BuildArgs) {
    this.build = build;
    this.args = args;
  }

  begin(base: StepImage | undefined, platform: string): void {
    this.image = base;
    this.config = runConfigOf(base?.config.config);
    const wanted = platform || this.build.request.platform;
    if (base !== undefined) {
      const { os, architecture, variant } = base.config;
      this.#platform = {
        os: os || 'linux',
        architecture: architecture || hostPlatform().architecture,
        ...(variant === undefined ? {} : { variant }),
      };
    } else if (wanted !== '') this.#platform = parsePlatform(wanted);
  }

  /** The environment and what ARG has declared beside it. */
  get variables(): string[] {
    const environment = this.config.Env ?? [];
    return [...environment, ...this.args.beside(environment)];
  }

  /** A comment in place of a command. `isOneWord`: docker has it so in COPY, ADD and WORKDIR. */
  withComment(comment: string, isOneWord = false): RunConfig {
    const words = isOneWord ? [`#(nop) ${comment}`] : ['#(nop) ', comment];
    return { ...structuredClone(this.config), Cmd: [...shellOf(this.config), ...words] };
  }

  /** True when the step was made before: the stage goes on from there. */
  async isCached(containerConfig: RunConfig): Promise<boolean> {
    const found = await this.build.cache.probe(this.image, containerConfig);
    if (found === undefined) return false;
    this.build.output.out.write(' ---> Using cache\n');
    this.image = found;
    return true;
  }

  /** A step that only sets something. */
  async commitSetting(comment: string): Promise<void> {
    const containerConfig = this.withComment(comment);
    if (await this.isCached(containerConfig)) return;
    const made = await this.build.containers.create(this.image, containerConfig, false);
    await this.commit(containerConfig, undefined, made);
  }

  /** Storing the image goes on beside the next steps, which need its id and its snapshot only. */
  async commit(
    containerConfig: RunConfig,
    layer: NewLayer | undefined,
    made: StepContainer | undefined,
  ): Promise<void> {
    const { context, images, lease, pending } = this.build;
    const { os, architecture, variant } = this.#platform;
    const { image, stored } = commitStep(context, images.catalog, lease, this.image, {
      runConfig: structuredClone(this.config),
      containerConfig,
      author: this.author,
      layer,
      containerId: made?.id ?? '',
      os,
      architecture,
      variant,
    });
    this.image = image;
    pending.add(stored);
    if (layer?.isUnpacked === false) await stored; // the next step stands on its snapshot
  }

  /** After each step: the config names the image that it is now of. */
  settle(): void {
    this.config.Image = this.image?.id ?? '';
  }

  tellImage(): void {
    this.build.output.out.write(` ---> ${shortId(this.image?.id ?? '')}\n`);
  }

  expandWithGlobals(text: string): string {
    return expandWord(text, this.args.globals(), this.build.escapeToken);
  }
}
