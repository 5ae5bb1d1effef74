// A whole build: context in, stages one after the other, an image with its names out. build-routes.ts is the caller.
import type { Readable } from 'node:stream';
import { shortId } from '@tscontainer/core/ids';
import { familiarName, familiarReference, parseReference } from '@tscontainer/core/reference';
import { parsePlatform } from '@tscontainer/distribution/platform-match';
import type { EngineContext } from '../containers/engine-context.ts';
import { withLease } from '../images/image-lease.ts';
import type { ImageManager } from '../images/image-manager.ts';
import { BaseImages } from './base-images.ts';
import { BuildArgs } from './build-args.ts';
import { BuildCache } from './build-cache.ts';
import { BuildContainers } from './build-containers.ts';
import { type BuildContext, receiveContext, takeDockerfile } from './build-context.ts';
import { buildFailure } from './build-failure.ts';
import type { BuildOutput } from './build-output.ts';
import type { BuildRequest } from './build-request.ts';
import { contextOrigin } from './copy-origin.ts';
import { parseDockerfile, parseTrigger } from './dockerfile/dockerfile.ts';
import type { ArgInstruction, Dockerfile, Stage } from './dockerfile/instructions.ts';
import { expandWord } from './dockerfile/word-expansion.ts';
import { runInstruction } from './instruction-steps.ts';
import { bodyOf, isGitUrl, isUrl, openUrl } from './remote-source.ts';
import { type Build, FinishedStages, PendingImages, StageBuild } from './stage-build.ts';
import type { StepImage } from './step-image.ts';

export interface ImageBuilderOptions {
  context: EngineContext;
  images: ImageManager;
}

/** Resolves with the image's id. What was made until a failure stays as cache, and nothing else. */
export async function buildImage(
  options: ImageBuilderOptions,
  request: BuildRequest,
  body: Readable,
  output: BuildOutput,
): Promise<string> {
  if (request.platform !== '') parsePlatform(request.platform);
  const { dockerfile, source } = await readSource(options.context, request, body, output.signal);
  try {
    checkTarget(dockerfile, request);
    if (dockerfile.warnings.length > 0) output.err.write(`${dockerfile.warnings.join('\n')}\n`);
    const image = await withLease(options.context.client, 'build', async (lease) => {
      const build = newBuild(options, request, output, lease, source, dockerfile);
      try {
        return await runStages(build, dockerfile);
      } catch (error) {
        await build.pending.settled().catch(() => undefined); // the build's own failure is the one to tell
        throw error;
      }
    });
    if (image === undefined) throw buildFailure('No image was generated. Is your Dockerfile empty?');
    output.out.write(`Successfully built ${shortId(image.id)}\n`);
    await nameResult(options.images, image, request.tags, output);
    return image.id;
  } finally {
    source?.dispose();
  }
}

async function readSource(
  context: EngineContext,
  request: BuildRequest,
  body: Readable,
  signal: AbortSignal,
): Promise<{ dockerfile: Dockerfile; source: BuildContext | undefined }> {
  const { remote } = request;
  if (remote === '') return readContext(context, request, body);
  if (remote === 'client-session')
    throw buildFailure(
      'experimental session with v1 builder is no longer supported, use builder version v2 (BuildKit) instead',
    );
  if (isGitUrl(remote))
    throw buildFailure(
      `remote=${remote}: this engine fetches no git repositories; clone it and send it as the context`,
    );
  if (!isUrl(remote)) throw buildFailure(`remoteURL (${remote}) could not be recognized as URL`);
  const response = await openUrl(remote, signal);
  if (/^text\/plain/.test(response.headers.get('content-type') ?? ''))
    return { dockerfile: parseDockerfile(await response.text(), remote), source: undefined };
  return readContext(context, request, bodyOf(response));
}

async function readContext(
  context: EngineContext,
  request: BuildRequest,
  archive: Readable,
): Promise<{ dockerfile: Dockerfile; source: BuildContext }> {
  const source = await receiveContext(context, archive, request.dockerfile);
  try {
    const { content, name } = await takeDockerfile(source, request.dockerfile);
    return { dockerfile: parseDockerfile(content, name), source };
  } catch (error) {
    source.dispose();
    throw error;
  }
}

/** Cuts what comes after the target, and puts the client's labels at the end. */
function checkTarget(dockerfile: Dockerfile, { target, labels }: BuildRequest): void {
  if (target !== '') {
    const at = dockerfile.stages.findIndex((stage) => stage.name === target.toLowerCase());
    if (at < 0) throw buildFailure(`failed to reach build target ${target} in Dockerfile`);
    dockerfile.stages.length = at + 1;
  }
  const last = dockerfile.stages.at(-1);
  for (const name of Object.keys(labels).sort()) {
    const value = labels[name] ?? '';
    last?.instructions.push({ kind: 'label', code: `LABEL ${name}=${value}`, pairs: [[name, value]], isLiteral: true });
  }
}

function newBuild(
  { context, images }: ImageBuilderOptions,
  request: BuildRequest,
  output: BuildOutput,
  lease: string,
  source: BuildContext | undefined,
  { escapeToken }: Dockerfile,
): Build {
  return {
    context,
    images,
    request,
    output,
    lease,
    cache: new BuildCache({ context, images, lease, isUsed: request.usesCache, cacheFrom: request.cacheFrom }),
    containers: new BuildContainers(context, request, output),
    bases: new BaseImages(images, request, output),
    origin: source === undefined ? undefined : contextOrigin(source),
    escapeToken,
    finished: new FinishedStages(),
    pending: new PendingImages(),
  };
}

async function runStages(build: Build, dockerfile: Dockerfile): Promise<StepImage | undefined> {
  const { output, finished } = build;
  const { stages, globalArgs } = dockerfile;
  const total = globalArgs.length + stages.reduce((sum, stage) => sum + 1 + stage.instructions.length, 0);
  let number = 0;
  const announce = (code: string) => output.out.write(`Step ${++number}/${total} : ${code}\n`);
  const args = new BuildArgs(build.request.args);
  for (const instruction of globalArgs) {
    announce(instruction.code);
    declareGlobals(args, instruction, build.escapeToken);
  }
  let image: StepImage | undefined;
  for (const stage of stages) {
    if (stage.name !== '' && finished.indexOfName(stage.name) !== undefined)
      throw buildFailure(`${stage.name} stage name already used`);
    announce(stage.code);
    const state = new StageBuild(build, args.forStage());
    await beginStage(state, stage);
    state.settle();
    state.tellImage();
    for (const instruction of stage.instructions) {
      if (output.signal.aborted) throw buildFailure('Build cancelled');
      announce(instruction.code);
      await runInstruction(state, instruction);
      state.settle();
      state.tellImage();
    }
    ({ image } = state);
    await build.pending.settled();
    if (image !== undefined) output.imageId(image.id);
    finished.add(stage.name, image);
  }
  args.warnOfUnused(output.out);
  return image;
}

function declareGlobals(args: BuildArgs, instruction: ArgInstruction, escapeToken: string): void {
  const variables = args.declared();
  const expanded = instruction.args.map(
    ([name, value]) =>
      [
        expandWord(name, variables, escapeToken),
        value === undefined ? undefined : expandWord(value, variables, escapeToken),
      ] as const,
  );
  for (const [name, value] of expanded) args.declareGlobal(name, value);
}

async function beginStage(state: StageBuild, stage: Stage): Promise<void> {
  const { build } = state;
  await build.pending.settled(); // an earlier stage's steps are cache for this one
  await build.cache.reset();
  const platform = state.expandWithGlobals(stage.platform).toLowerCase();
  if (platform !== '') checkPlatform(platform);
  const name = state.expandWithGlobals(stage.base);
  if (name === '') throw buildFailure(`base name (${stage.base}) should not be blank`);
  const index = build.finished.indexOfName(name);
  if (index !== undefined) state.begin(build.finished.images[index], platform);
  else if (name === 'scratch') state.begin(undefined, platform);
  else state.begin(await build.bases.get(name, platform || build.request.platform), platform);
  const triggers = state.config.OnBuild ?? [];
  if (triggers.length === 0) return;
  state.config.OnBuild = null;
  build.output.out.write(`# Executing ${triggers.length} build trigger${triggers.length > 1 ? 's' : ''}\n`);
  for (const trigger of triggers) {
    state.settle();
    await runInstruction(state, parseTrigger(trigger));
  }
}

function checkPlatform(text: string): void {
  try {
    parsePlatform(text);
  } catch (error) {
    throw buildFailure(
      `failed to parse platform ${text}: ${JSON.stringify(text)}: cannot parse platform specifier: invalid argument`,
      error,
    );
  }
}

async function nameResult(
  images: ImageManager,
  image: StepImage,
  tags: readonly string[],
  output: BuildOutput,
): Promise<void> {
  for (const tag of tags) {
    const reference = parseReference(tag);
    await images.tag(image.id, familiarName(reference), reference.tag);
    output.out.write(`Successfully tagged ${familiarReference(reference)}\n`);
  }
}
