// `tsctl events`: what happens in the engine, as it happens.

import { readJsonLines } from '@tsctl/client/json-lines';
import { type Command, type CommandContext, noArguments } from '../cli/command.ts';
import { CommandFailure } from '../cli/failures.ts';
import { filtersParameter } from '../cli/filters.ts';
import { flag } from '../cli/flags.ts';
import { toTimestamp } from '../format/durations.ts';
import { exactDigits, parseExact } from '../format/exact-json.ts';
import { withEscapes } from '../format/list-format.ts';
import { compileTemplate, type Template } from '../format/template.ts';
import { toJson } from '../format/template-values.ts';

const badTemplateExitCode = 64;

interface EngineEvent {
  Type: string;
  Action: string;
  Actor: { ID: string; Attributes: Record<string, string> | null };
  time: number;
  /** Kept to the last digit. */
  timeNano: unknown;
}

export const eventsCommand: Command = {
  name: 'events',
  summary: 'Get real time events from the server',
  usage: '',
  flags: [
    flag('filter', 'filter,f', 'Filter output based on conditions provided'),
    flag('string', 'format', 'Format the output using the given Go template, or "json"'),
    flag('string', 'since', 'Show all events created since timestamp'),
    flag('string', 'until', 'Stream events until this timestamp'),
  ],
  args: noArguments,
  async run(context) {
    const { flags, client, out } = context;
    const format = flags.text('format');
    const template = format === '' || format === 'json' ? undefined : compiled(format);
    const query = {
      since: momentOf(context, 'since'),
      until: momentOf(context, 'until'),
      filters: filtersParameter(flags.list('filter')),
    };
    const response = await client.call('GET', '/events', { query });
    for await (const event of readJsonLines<EngineEvent>(response, parseExact)) {
      const actor = { ...event.Actor, Attributes: lenient(event.Actor.Attributes ?? {}) };
      const data = { ...event, Actor: actor, TimeNano: event.timeNano, Time: event.time };
      out.line(template !== undefined ? template(data) : format === 'json' ? toJson(event) : eventText(event));
    }
    return 0;
  },
};

function compiled(format: string): Template {
  try {
    return compileTemplate(withEscapes(format));
  } catch (error) {
    const why = (error as Error).message.replace(/^template parsing error: /, '');
    throw new CommandFailure(`Error parsing format: ${why}`, badTemplateExitCode);
  }
}

/** Each kind of event has other attributes: one that is missing is no error. */
function lenient(attributes: Record<string, string>): Record<string, string> {
  return new Proxy(attributes, { has: () => true });
}

function eventText(event: EngineEvent): string {
  const attributes = Object.entries(event.Actor.Attributes ?? {}).sort(([left], [right]) => (left < right ? -1 : 1));
  const details =
    attributes.length === 0 ? '' : ` (${attributes.map(([name, value]) => `${name}=${value}`).join(', ')})`;
  return `${moment(event)} ${event.Type} ${event.Action} ${event.Actor.ID}${details}`;
}

/** RFC 3339 in local time with nine digits. */
function moment({ time, timeNano }: EngineEvent): string {
  const at = new Date(time * 1000);
  const offset = -at.getTimezoneOffset();
  const local = new Date(at.getTime() + offset * 60_000).toISOString().slice(0, 19);
  const nanos = (exactDigits(timeNano) ?? String(timeNano)).slice(-9).padStart(9, '0');
  const pad = (value: number) => String(Math.trunc(value)).padStart(2, '0');
  const zone =
    offset === 0 ? 'Z' : `${offset < 0 ? '-' : '+'}${pad(Math.abs(offset) / 60)}:${pad(Math.abs(offset) % 60)}`;
  return `${local}.${nanos}${zone}`;
}

function momentOf(context: CommandContext, name: string): string | undefined {
  const text = context.flags.text(name);
  if (text === '') return undefined;
  const found = toTimestamp(text);
  if (found === undefined)
    throw new CommandFailure(`failed to parse value as time or duration: ${JSON.stringify(text)}`);
  return found;
}
