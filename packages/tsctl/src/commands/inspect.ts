// `tsctl inspect` and its siblings per kind: the daemon's JSON, whole or through a template.
import { atLeastOne, type Command, type CommandContext, type CompletionKind } from '../cli/command.ts';
import { CommandFailure } from '../cli/failures.ts';
import { type FlagDefinition, flag } from '../cli/flags.ts';
import { isMissing } from '../client/engine-error.ts';
import { imagePath } from '../client/images.ts';
import { parseExact } from '../format/exact-json.ts';
import { withEscapes } from '../format/list-format.ts';
import { compileTemplate, type Template } from '../format/template.ts';
import { toJson } from '../format/template-values.ts';

type Kind = 'container' | 'image' | 'network' | 'volume';
const kinds: readonly Kind[] = ['container', 'image', 'network', 'volume'];

const format = flag('string', 'format,f', 'Format the output using the given Go template');
const size = flag('bool', 'size,s', 'Display total file sizes if the type is container');

export const inspectCommand: Command = {
  name: 'inspect',
  summary: 'Return low-level information on tscontainer objects',
  usage: 'NAME|ID [NAME|ID...]',
  flags: [format, size, flag('string', 'type', 'Return JSON for specified type')],
  args: atLeastOne,
  completes: 'container',
  run: async (context) => {
    const type = context.flags.text('type');
    if (type !== '' && !kinds.includes(type as Kind))
      throw new CommandFailure(`${JSON.stringify(type)} is not a valid value for --type`);
    return await inspectAll(context, type === '' ? kinds : [type as Kind], type === '' ? 'object' : type);
  },
};

export const containerInspectCommand = inspectOf(
  'container',
  'Display detailed information on one or more containers',
  [format, size],
);
export const imageInspectCommand = inspectOf('image', 'Display detailed information on one or more images', [format]);
export const networkInspectCommand = inspectOf('network', 'Display detailed information on one or more networks', [
  format,
  flag('bool', 'verbose,v', 'Verbose output for diagnostics'),
]);
export const volumeInspectCommand = inspectOf('volume', 'Display detailed information on one or more volumes', [
  format,
]);

function inspectOf(kind: Kind & CompletionKind, summary: string, flags: readonly FlagDefinition[]): Command {
  const usage = `${kind.toUpperCase()} [${kind.toUpperCase()}...]`;
  return {
    name: 'inspect',
    summary,
    usage,
    flags,
    args: atLeastOne,
    completes: kind,
    run: (context) => inspectAll(context, [kind], kind),
  };
}

/** What was found is printed even if something was not. */
async function inspectAll(context: CommandContext, among: readonly Kind[], noun: string): Promise<number> {
  const template = context.flags.text('format');
  const found: unknown[] = [];
  const failures: string[] = [];
  for (const name of context.args) {
    try {
      found.push(await inspectOne(context, among, name, noun));
    } catch (error) {
      failures.push((error as Error).message);
    }
  }
  print(context, found, template);
  if (failures.length > 0) throw new CommandFailure(failures.join('\n'));
  return 0;
}

async function inspectOne(
  context: CommandContext,
  among: readonly Kind[],
  name: string,
  noun: string,
): Promise<unknown> {
  for (const kind of among) {
    try {
      return parseExact(await context.client.text('GET', pathOf(kind, name), { query: sizeQuery(context, kind) }));
    } catch (error) {
      if (!isMissing(error)) throw error;
    }
  }
  throw new CommandFailure(`Error: No such ${noun}: ${name}`);
}

function pathOf(kind: Kind, name: string): string {
  if (kind === 'image') return `${imagePath(name)}/json`;
  if (kind === 'container') return `/containers/${encodeURIComponent(name)}/json`;
  return `/${kind}s/${encodeURIComponent(name)}`;
}

function sizeQuery(context: CommandContext, kind: Kind): { size?: boolean } {
  const { flags } = context;
  return kind === 'container' && flags.has('size') && flags.bool('size') ? { size: true } : {};
}

const badTemplateExitCode = 64;

function compileOrFail(template: string): Template {
  try {
    return compileTemplate(withEscapes(template));
  } catch (error) {
    throw new CommandFailure((error as Error).message, badTemplateExitCode);
  }
}

function print(context: CommandContext, found: readonly unknown[], template: string): void {
  if (template === '' || template === 'json') {
    context.out.line(template === 'json' ? toJson(found) : toJson(found, '    '));
    return;
  }
  const compiled = compileOrFail(template);
  for (const each of found) context.out.line(compiled(each));
}
