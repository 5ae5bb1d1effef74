// COPY and ADD: sources found and hashed, the cache asked, and only then an image's filesystem mounted and written to.
import { mkdirSync } from 'node:fs';
import { join, posix } from 'node:path';
import { errorMessageOf, withContext } from '@tscontainer/core/errors';
import { removeTree } from '@tscontainer/linux/tree';
import { buildFailure } from './build-failure.ts';
import { resolveChown } from './chown-flag.ts';
import { copySource } from './copy-files.ts';
import { type CopyOrigin, imageOrigin } from './copy-origin.ts';
import { type CopySource, findSources, keyOf } from './copy-sources.ts';
import type { CopyInstruction } from './dockerfile/instructions.ts';
import { viewImage, writeLayer } from './image-root.ts';
import { download, isUrl } from './remote-source.ts';
import type { StageBuild } from './stage-build.ts';
import type { StepImage } from './step-image.ts';
import { TarSummer } from './tar-sums.ts';

/** Its variables are expanded. Rejects invalid-argument. */
export async function runCopy(stage: StageBuild, instruction: CopyInstruction): Promise<void> {
  const { build } = stage;
  if (instruction.chmod !== '')
    throw buildFailure(
      'the --chmod option requires BuildKit. Refer to https://docs.docker.com/go/buildkit/ to learn how to build images with BuildKit enabled',
    );
  if (instruction.from === '') return copyFrom(stage, instruction, build.origin);
  const { image, reference } = await fromImage(stage, instruction.from);
  const root = await viewImage(build.context, build.lease, image);
  try {
    await copyFrom(stage, instruction, imageOrigin(build.context, root.path, image?.id ?? reference));
  } finally {
    await root.release();
  }
}

async function fromImage(
  stage: StageBuild,
  reference: string,
): Promise<{ image: StepImage | undefined; reference: string }> {
  const { finished, bases } = stage.build;
  try {
    const index = finished.indexOf(reference);
    if (index !== undefined) return { image: finished.images[index], reference };
    return { image: await bases.get(reference, stage.build.request.platform), reference };
  } catch (error) {
    throw withContext(`invalid from flag value ${reference}`, error);
  }
}

async function copyFrom(
  stage: StageBuild,
  instruction: CopyInstruction,
  origin: CopyOrigin | undefined,
): Promise<void> {
  const { context, lease } = stage.build;
  const name = instruction.kind.toUpperCase();
  const downloads: string[] = [];
  try {
    const sources = await allSources(stage, instruction, origin, downloads).catch((error) => {
      throw withContext(`${name} failed`, error);
    });
    const { destination, chown } = instruction;
    if (sources.length > 1 && !destination.endsWith('/'))
      throw buildFailure(
        `When using ${name} with more than one source file, the destination must be a directory and end with a /`,
      );
    const comment = `${name} ${chown === '' ? '' : `--chown=${chown}`}${keyOf(sources)} in ${destination} `;
    const containerConfig = stage.withComment(comment, true);
    if (await stage.isCached(containerConfig)) return;
    const layer = await writeLayer(context, lease, stage.image, async (root) => {
      const owner = chown !== '' ? await resolveChown(root, chown) : { uid: 0, gid: 0 };
      const target = {
        root,
        destination: absoluteDestination(stage.config.WorkingDir, destination),
        owner: instruction.from !== '' && chown === '' ? undefined : owner,
        unpacks: instruction.kind === 'add',
        scratch: context.paths.temporary,
      };
      for (const source of sources)
        await copySource(source, target).catch((error) => {
          throw buildFailure(`failed to copy files: ${errorMessageOf(error)}`, error);
        });
    });
    await stage.commit(containerConfig, layer, undefined);
  } finally {
    for (const directory of downloads) await removeTree(directory);
  }
}

async function allSources(
  stage: StageBuild,
  instruction: CopyInstruction,
  origin: CopyOrigin | undefined,
  downloads: string[],
): Promise<CopySource[]> {
  const found: CopySource[] = [];
  for (const source of instruction.sources) {
    if (!isUrl(source)) found.push(...(await findSources(origin, source)));
    else if (instruction.kind === 'copy') throw buildFailure("source can't be a URL for COPY");
    else found.push(await remoteSource(stage, source, instruction.destination, downloads));
  }
  if (found.length === 0) throw buildFailure('no source files were specified');
  return found;
}

async function remoteSource(
  stage: StageBuild,
  url: string,
  destination: string,
  downloads: string[],
): Promise<CopySource> {
  const { context, output } = stage.build;
  mkdirSync(context.paths.temporary, { recursive: true, mode: 0o700 });
  const { directory, fileName, isNamed } = await download(url, context.paths.temporary, output);
  downloads.push(directory);
  if (!isNamed && destination.endsWith('/')) throw buildFailure(`cannot determine filename for source ${url}`);
  const hash = await TarSummer.ofFile(join(directory, fileName), fileName);
  return { open: async () => directory, path: fileName, resolved: fileName, isDirectory: false, hash, isRemote: true };
}

/** Relative to WORKDIR; a slash at the end stays. */
function absoluteDestination(workingDirectory: string, destination: string): string {
  if (destination.startsWith('/')) return destination;
  const joined = posix.join('/', workingDirectory, destination);
  return destination.endsWith('/') && !joined.endsWith('/') ? `${joined}/` : joined;
}
