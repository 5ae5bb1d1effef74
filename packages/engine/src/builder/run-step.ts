// RUN and WORKDIR: a command in a container of its own, and a directory that is there afterwards.
import { lookUpInRoot } from '@tscontainer/linux/mounts';
import { isDirectory, resolveInRoot } from '../container-files/root-location.ts';
import { buildFailure } from './build-failure.ts';
import { makeDirectories } from './copy-files.ts';
import type { CommandLine } from './dockerfile/instructions.ts';
import { writeLayer } from './image-root.ts';
import { shellOf } from './run-config.ts';
import type { StageBuild } from './stage-build.ts';
import type { RunConfig } from './step-image.ts';

/** With the shell before it, unless it is in exec form. */
export function commandOf({ words, isShellForm }: CommandLine, config: RunConfig): string[] {
  return isShellForm ? [...shellOf(config), ...words] : words;
}

export async function runRun(stage: StageBuild, command: CommandLine, flags: readonly string[]): Promise<void> {
  if (flags[0] !== undefined)
    throw buildFailure(
      `the --${flags[0]} option requires BuildKit. Refer to https://docs.docker.com/go/buildkit/ to learn how to build images with BuildKit enabled`,
    );
  const { build, args, config } = stage;
  const environment = config.Env ?? [];
  const words = commandOf(command, config);
  const given = args.beside(environment);
  const keys = given.filter((entry) => args.isKey(entry));
  // no command begins with a bar: arguments in front of it cannot be taken for one
  const savedWords = given.length === 0 ? words : [`|${keys.length}`, ...keys, ...words];
  const base = structuredClone(config);
  const containerConfig: RunConfig = {
    ...base,
    Cmd: savedWords,
    Entrypoint: savedWords.length > 0 ? null : base.Entrypoint,
  };
  if (await stage.isCached(containerConfig)) return;
  const made = await build.containers.create(
    stage.image,
    {
      ...base,
      Cmd: words,
      Env: [...environment, ...given],
      Entrypoint: savedWords.length > 0 ? [''] : base.Entrypoint,
      Healthcheck: { Test: ['NONE'] },
    },
    true,
  );
  await build.containers.run(made);
  const layer = await build.containers.layerOf(made, stage.image?.config.rootfs.diff_ids ?? [], build.lease);
  await stage.commit(containerConfig, layer, made);
}

/** `config.WorkingDir` is set already. */
export async function runWorkdir(stage: StageBuild): Promise<void> {
  const { build, config } = stage;
  const path = config.WorkingDir;
  const containerConfig = stage.withComment(`WORKDIR ${path}`, true);
  if (await stage.isCached(containerConfig)) return;
  const made = await build.containers.create(stage.image, containerConfig, false);
  const layer = await writeLayer(build.context, build.lease, stage.image, async (root) => {
    const resolved = await resolveInRoot(root, path);
    const place = await lookUpInRoot(root, resolved);
    if (place !== null && !isDirectory(place)) throw buildFailure(`Cannot mkdir: ${path} is not a directory`);
    await makeDirectories(root, resolved, { uid: 0, gid: 0 });
  });
  await stage.commit(containerConfig, layer, made);
}
