// Carries out one instruction of a stage: variables expanded where docker expands them, the config changed, a step committed.
import { posix } from 'node:path';
import { mergeHealthcheck } from '../containers/health-check.ts';
import { parseSignal } from '../containers/signals.ts';
import { buildFailure } from './build-failure.ts';
import { runCopy } from './copy-step.ts';
import type { ArgInstruction, Instruction, Pair } from './dockerfile/instructions.ts';
import { expandWord, expandWords, type Variables, variablesOf } from './dockerfile/word-expansion.ts';
import { exposedPorts } from './expose-ports.ts';
import { goList, goQuotedHealthcheck, goQuotedList } from './go-quotes.ts';
import { commandOf, runRun, runWorkdir } from './run-step.ts';
import type { StageBuild } from './stage-build.ts';

/** The containers of the step go, or stay, at its end. */
export async function runInstruction(stage: StageBuild, instruction: Instruction): Promise<void> {
  const { containers, output } = stage.build;
  try {
    await dispatch(stage, instruction);
  } catch (error) {
    await containers.endStep(true);
    throw output.signal.aborted ? buildFailure('Build cancelled', error) : error;
  }
  await containers.endStep(false);
}

async function dispatch(stage: StageBuild, instruction: Instruction): Promise<void> {
  const variables = variablesOf(stage.variables);
  const expand = (text: string) => expandWord(text, variables, stage.build.escapeToken);
  const { config } = stage;
  switch (instruction.kind) {
    case 'env':
      return runEnv(stage, expandPairs(instruction.pairs, expand));
    case 'label':
      return runLabel(stage, instruction.isLiteral ? instruction.pairs : expandPairs(instruction.pairs, expand));
    case 'maintainer':
      stage.author = instruction.text;
      return stage.commitSetting(`MAINTAINER ${instruction.text}`);
    case 'copy':
    case 'add':
      return runCopy(stage, {
        ...instruction,
        chown: expand(instruction.chown),
        sources: instruction.sources.map(expand),
        destination: expand(instruction.destination),
      });
    case 'onbuild':
      config.OnBuild = [...(config.OnBuild ?? []), instruction.expression];
      return stage.commitSetting(`ONBUILD ${instruction.expression}`);
    case 'workdir':
      config.WorkingDir = workingDirectory(config.WorkingDir, expand(instruction.path));
      return runWorkdir(stage);
    case 'run':
      return runRun(stage, instruction.command, instruction.flags);
    case 'cmd':
      config.Cmd = commandOf(instruction.command, config);
      await stage.commitSetting(`CMD ${goQuotedList(config.Cmd)}`);
      if (instruction.command.words.length > 0) stage.isCmdSet = true;
      return;
    case 'entrypoint':
      // without a word it takes the image's away
      config.Entrypoint = instruction.command.words.length === 0 ? null : commandOf(instruction.command, config);
      if (!stage.isCmdSet) config.Cmd = null;
      return stage.commitSetting(`ENTRYPOINT ${goQuotedList(config.Entrypoint)}`);
    case 'healthcheck':
      tellOverridden(stage);
      // what it leaves open is taken from the one before, though history does not say so
      config.Healthcheck = mergeHealthcheck(instruction.healthcheck, config.Healthcheck) ?? instruction.healthcheck;
      return stage.commitSetting(`HEALTHCHECK ${goQuotedHealthcheck(instruction.healthcheck)}`);
    case 'expose':
      return runExpose(stage, instruction.ports, variables);
    case 'user':
      config.User = expand(instruction.user);
      return stage.commitSetting(`USER ${config.User}`);
    case 'volume':
      return runVolume(stage, instruction.paths.map(expand));
    case 'stopsignal':
      return runStopSignal(stage, expand(instruction.signal));
    case 'arg':
      return runArg(stage, instruction, expand);
    case 'shell':
      config.Shell = instruction.shell;
      return stage.commitSetting(`SHELL ${goList(instruction.shell)}`);
  }
}

function expandPairs(pairs: Pair[], expand: (text: string) => string): Pair[] {
  return pairs.map(([name, value]) => [expand(name), expand(value)]);
}

function runEnv(stage: StageBuild, pairs: Pair[]): Promise<void> {
  const environment = [...(stage.config.Env ?? [])];
  for (const [name, value] of pairs) {
    const at = environment.findIndex((entry) => entry.split('=', 1)[0] === name);
    if (at < 0) environment.push(`${name}=${value}`);
    else environment[at] = `${name}=${value}`;
  }
  stage.config.Env = environment;
  return stage.commitSetting(`ENV${pairs.map(([name, value]) => ` ${name}=${value}`).join('')}`);
}

function runLabel(stage: StageBuild, pairs: Pair[]): Promise<void> {
  stage.config.Labels = { ...stage.config.Labels, ...Object.fromEntries(pairs) };
  return stage.commitSetting(`LABEL${pairs.map(([name, value]) => ` ${name}=${value}`).join('')}`);
}

/** Only what is relative is joined and cleaned. */
function workingDirectory(current: string, path: string): string {
  if (path === '') throw buildFailure('cannot normalize nothing');
  if (path.startsWith('/')) return path;
  const joined = posix.join('/', current, path);
  return joined.length > 1 ? joined.replace(/\/$/, '') : joined;
}

function tellOverridden(stage: StageBuild): void {
  const before = stage.config.Healthcheck?.Test ?? [];
  if (before.length === 0 || before[0] === 'NONE') return;
  stage.build.output.out.write(`Note: overriding previous HEALTHCHECK: ${goList(before)}\n`);
}

function runExpose(stage: StageBuild, words: string[], variables: Variables): Promise<void> {
  const specs = words.flatMap((word) => expandWords(word, variables, stage.build.escapeToken));
  const ports = Object.fromEntries(exposedPorts(specs).map((port) => [port, {}]));
  stage.config.ExposedPorts = { ...stage.config.ExposedPorts, ...ports };
  return stage.commitSetting(`EXPOSE ${specs.join(' ')}`);
}

function runVolume(stage: StageBuild, paths: string[]): Promise<void> {
  if (paths.includes('')) throw buildFailure('VOLUME specified can not be an empty string');
  stage.config.Volumes = { ...stage.config.Volumes, ...Object.fromEntries(paths.map((path) => [path, {}])) };
  return stage.commitSetting(`VOLUME ${goList(paths)}`);
}

function runStopSignal(stage: StageBuild, signal: string): Promise<void> {
  parseSignal(signal);
  stage.config.StopSignal = signal;
  return stage.commitSetting(`STOPSIGNAL ${signal}`);
}

function runArg(stage: StageBuild, { args }: ArgInstruction, expand: (text: string) => string): Promise<void> {
  const expanded = args.map(
    ([name, value]) => [expand(name), value === undefined ? undefined : expand(value)] as const,
  );
  for (const [name, value] of expanded) stage.args.declare(name, value);
  const texts = expanded.map(([name, value]) => (value === undefined ? name : `${name}=${value}`));
  return stage.commitSetting(`ARG ${texts.join(' ')}`);
}
