// Works out what may stand at the end of a command line: commands, flags, and the names the daemon knows.
import { commands, findCommand, groups } from '../cli/catalog.ts';
import type { Command, CommandContext, CompletionKind } from '../cli/command.ts';
import type { FlagDefinition } from '../cli/flags.ts';
import { globalFlags } from '../cli/global-options.ts';

export interface Candidate {
  text: string;
  about: string;
}

/** `words` without the program's name; the last one is being typed. */
export async function candidatesFor(context: CommandContext, words: readonly string[]): Promise<Candidate[]> {
  const current = words.at(-1) ?? '';
  const done = withoutGlobalFlags(words.slice(0, -1));
  const all = await allCandidates(context, done, current);
  return all.filter((candidate) => candidate.text.startsWith(current));
}

async function allCandidates(context: CommandContext, done: readonly string[], current: string): Promise<Candidate[]> {
  const [first = ''] = done;
  const found = findCommand(done);
  if (found !== undefined) return await commandCandidates(context, await found.load(), done.slice(found.used), current);
  if (groups[first] !== undefined) return done.length === 1 ? await describe(groups[first].commands) : [];
  if (done.length > 0) return [];
  if (current.startsWith('-')) return flagCandidates(globalFlags);
  const managed = Object.entries(groups).map(([text, group]) => ({ text, about: group.summary }));
  return [...(await describe(commands)), ...managed];
}

async function describe(table: Readonly<Record<string, () => Promise<Command>>>): Promise<Candidate[]> {
  return await Promise.all(
    Object.entries(table).map(async ([text, load]) => ({ text, about: (await load()).summary })),
  );
}

async function commandCandidates(
  context: CommandContext,
  command: Command,
  words: readonly string[],
  current: string,
): Promise<Candidate[]> {
  const pending = pendingFlag(command, words);
  if (pending !== undefined) return await flagValueCandidates(context, pending);
  const positionals = positionalsOf(command, words);
  const isProgram = command.stopsAtFirstArgument === true && positionals.length > 0;
  if (isProgram) return [];
  if (current.startsWith('-')) return flagCandidates(command.flags);
  if (command.name === 'completion') return ['bash', 'zsh', 'fish'].map((text) => ({ text, about: '' }));
  if (positionals.length >= command.args.max) return [];
  const names = await namesOf(context, command.completes ?? 'none');
  return names.filter((candidate) => !positionals.includes(candidate.text));
}

function flagCandidates(flags: readonly FlagDefinition[]): Candidate[] {
  return flags.filter((each) => each.hidden !== true).map((each) => ({ text: `--${each.name}`, about: each.summary }));
}

/** The flag whose value is being typed: the word before is `--name` or ends in `-n`. */
function pendingFlag(command: Command, words: readonly string[]): FlagDefinition | undefined {
  const last = words.at(-1) ?? '';
  if (!last.startsWith('-') || last.includes('=')) return undefined;
  const found = last.startsWith('--')
    ? command.flags.find((each) => each.name === last.slice(2))
    : command.flags.find((each) => each.short === last.at(-1));
  return found?.kind === 'bool' ? undefined : found;
}

function positionalsOf(command: Command, words: readonly string[]): string[] {
  return words.filter((word, at) => !word.startsWith('-') && pendingFlag(command, words.slice(0, at)) === undefined);
}

async function flagValueCandidates(context: CommandContext, definition: FlagDefinition): Promise<Candidate[]> {
  if (definition.name === 'network') return await namesOf(context, 'network');
  if (definition.name === 'volumes-from') return await namesOf(context, 'container');
  const words: Readonly<Record<string, string[]>> = {
    pull: ['always', 'missing', 'never'],
    restart: ['no', 'on-failure', 'always', 'unless-stopped'],
    type: ['container', 'image', 'network', 'volume'],
    signal: ['HUP', 'INT', 'KILL', 'QUIT', 'TERM', 'USR1', 'USR2'],
  };
  return (words[definition.name] ?? []).map((text) => ({ text, about: '' }));
}

/** Nothing when there is no daemon to ask. */
async function namesOf(context: CommandContext, kind: CompletionKind): Promise<Candidate[]> {
  if (kind === 'none') return [];
  try {
    return await askNames(context, kind);
  } catch (error) {
    if (context.globals.isDebug) context.err.line((error as Error).message);
    return [];
  }
}

async function askNames({ client }: CommandContext, kind: Exclude<CompletionKind, 'none'>): Promise<Candidate[]> {
  if (kind === 'image') {
    const images = await client.json<{ RepoTags: string[] | null }[]>('GET', '/images/json');
    return images.flatMap((image) =>
      (image.RepoTags ?? []).filter((tag) => !tag.startsWith('<none>')).map((text) => ({ text, about: '' })),
    );
  }
  if (kind === 'volume') {
    const { Volumes } = await client.json<{ Volumes: { Name: string }[] | null }>('GET', '/volumes');
    return (Volumes ?? []).map((volume) => ({ text: volume.Name, about: '' }));
  }
  if (kind === 'network')
    return (await client.json<{ Name: string; Driver: string }[]>('GET', '/networks')).map((each) => ({
      text: each.Name,
      about: each.Driver,
    }));
  const query = kind === 'running' ? {} : { all: true };
  const containers = await client.json<{ Names: string[]; Image: string; State: string }[]>('GET', '/containers/json', {
    query,
  });
  const wanted = kind === 'stopped' ? containers.filter((container) => container.State !== 'running') : containers;
  return wanted.map((container) => ({ text: container.Names[0]?.replace(/^\//, '') ?? '', about: container.Image }));
}

function withoutGlobalFlags(words: readonly string[]): string[] {
  const rest = [...words];
  for (let word = rest[0]; word?.startsWith('-'); word = rest[0]) {
    rest.shift();
    const definition = globalFlags.find((each) => word === `--${each.name}` || word === `-${each.short}`);
    if (definition !== undefined && definition.kind !== 'bool') rest.shift();
  }
  return rest;
}
