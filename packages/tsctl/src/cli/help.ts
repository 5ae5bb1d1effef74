// Help texts in docker's layout, made from the commands' descriptions.
import { commands, commonCommands, groups } from './catalog.ts';
import type { Command } from './command.ts';
import { type FlagDefinition, isRepeatable } from './flags.ts';
import { globalFlags } from './global-options.ts';

const programName = 'tsctl';
const width = 80;

/** `Usage:  tsctl ps [OPTIONS]`. */
export function usageLine(command: Command, path: string): string {
  const options = command.flags.some((each) => each.hidden !== true) ? ' [OPTIONS]' : '';
  return `Usage:  ${programName} ${path}${options}${command.usage === '' ? '' : ` ${command.usage}`}`;
}

export function commandHelp(command: Command, path: string): string {
  const shown = command.flags.filter((each) => each.hidden !== true);
  const options = shown.length === 0 ? '' : `\nOptions:\n${flagLines(shown)}\n`;
  return `\n${usageLine(command, path)}\n\n${command.summary}\n${options}`;
}

export async function groupHelp(name: string): Promise<string> {
  const group = groups[name];
  if (group === undefined) throw new Error(`no group ${name}`);
  const lines = await commandLines(
    Object.keys(group.commands)
      .sort()
      .map((each) => [each, group.commands[each]]),
  );
  return `\nUsage:  ${programName} ${name} COMMAND\n\n${group.summary}\n\nCommands:\n${lines}\n\nRun '${programName} ${name} COMMAND --help' for more information on a command.\n`;
}

export async function programHelp(): Promise<string> {
  const others = Object.keys(commands).filter((name) => !commonCommands.includes(name));
  const managed = Object.entries(groups).map(([name, group]) => `  ${name.padEnd(11)} ${group.summary}`);
  return [
    `\nUsage:  ${programName} [OPTIONS] COMMAND\n\nA container engine whose every layer is the real layer\n`,
    `Common Commands:\n${await commandLines(commonCommands.map((name) => [name, commands[name]]))}\n`,
    `Management Commands:\n${managed.join('\n')}\n`,
    `Commands:\n${await commandLines(others.map((name) => [name, commands[name]]))}\n`,
    `Global Options:\n${flagLines(globalFlags)}\n`,
    `Run '${programName} COMMAND --help' for more information on a command.\n`,
  ].join('\n');
}

async function commandLines(
  entries: readonly (readonly [string, (() => Promise<Command>) | undefined])[],
): Promise<string> {
  const lines = entries.map(async ([name, load]) => `  ${name.padEnd(11)} ${(await load?.())?.summary ?? ''}`);
  return (await Promise.all(lines)).join('\n');
}

function flagLines(flags: readonly FlagDefinition[]): string {
  const sorted = [...flags].sort((left, right) => (left.name < right.name ? -1 : 1));
  const heads = sorted.map(
    (each) => `  ${each.short === undefined ? '    ' : `-${each.short}, `}--${each.name}${typeWord(each)}`,
  );
  const column = Math.max(...heads.map((head) => head.length)) + 3;
  return sorted.map((each, at) => `${(heads[at] ?? '').padEnd(column)}${wrapped(textOf(each), column)}`).join('\n');
}

function typeWord(definition: FlagDefinition): string {
  if (definition.kind === 'bool') return '';
  return ` ${shownKinds[definition.kind] ?? definition.kind}`;
}

/** Kinds that docker's help shows under another word. */
const shownKinds: Partial<Record<FlagDefinition['kind'], string>> = {
  env: 'list',
  label: 'list',
  ip: 'list',
  'extra-host': 'list',
  sysctl: 'map',
  throttle: 'list',
  'device-rule': 'list',
};

function textOf(definition: FlagDefinition): string {
  const { preset, kind, summary } = definition;
  if (preset === undefined || preset === '' || isRepeatable(kind)) return summary;
  return `${summary} (default ${kind === 'string' ? JSON.stringify(preset) : preset})`;
}

/** Breaks at spaces so that the text right of `column` stays within the width of a page. */
function wrapped(text: string, column: number): string {
  const room = Math.max(24, width - column);
  const lines: string[] = [''];
  for (const word of text.split(' ')) {
    const line = lines.at(-1) ?? '';
    if (line !== '' && line.length + 1 + word.length > room) lines.push(word);
    else lines[lines.length - 1] = line === '' ? word : `${line} ${word}`;
  }
  return lines.join(`\n${' '.repeat(column)}`);
}
