// What the options labels, env, their regular expressions and tag say of a container, for its log entries.
import { hostname } from 'node:os';
import { ContainerError } from '@tscontainer/core/errors';
import { shortId } from '@tscontainer/core/ids';

export interface LoggedContainer {
  id: string;
  /** Without the slash. */
  name: string;
  imageId: string;
  imageName: string;
  labels: Record<string, string>;
  env: string[];
  /** Entrypoint and command. */
  args: string[];
  /** RFC 3339 with nanoseconds. */
  created: string;
}

export const attributeOptions = ['labels', 'labels-regex', 'env', 'env-regex'];

function wordsOf(text: string | undefined): string[] {
  return text === undefined || text === '' ? [] : text.split(',');
}

function expressionOf(option: string, text: string | undefined): RegExp | undefined {
  if (text === undefined || text === '') return undefined;
  try {
    return new RegExp(text);
  } catch (error) {
    throw new ContainerError('invalid-argument', `${option} ${text}: error parsing regexp`, { cause: error });
  }
}

/** Throws invalid-argument for an expression that is none. */
export function checkAttributeOptions(options: Record<string, string>): void {
  for (const option of ['labels-regex', 'env-regex']) expressionOf(option, options[option]);
}

function selected(values: Map<string, string>, names: string[], expression: RegExp | undefined): [string, string][] {
  return [...values].filter(([name]) => names.includes(name) || expression?.test(name) === true);
}

/** Labels and variables that the options name. */
export function attributesOf(options: Record<string, string>, container: LoggedContainer): Record<string, string> {
  const variables = new Map(
    container.env
      .filter((entry) => entry.includes('='))
      .map((entry) => [entry.slice(0, entry.indexOf('=')), entry.slice(entry.indexOf('=') + 1)]),
  );
  const pairs = [
    ...selected(
      new Map(Object.entries(container.labels)),
      wordsOf(options['labels']),
      expressionOf('labels-regex', options['labels-regex']),
    ),
    ...selected(variables, wordsOf(options['env']), expressionOf('env-regex', options['env-regex'])),
  ];
  return Object.fromEntries(pairs);
}

/** Docker's fields of a tag's template. */
export function tagOf(template: string, container: LoggedContainer): string {
  const fields: Record<string, string> = {
    ID: shortId(container.id),
    FullID: container.id,
    Name: container.name,
    ImageID: shortId(container.imageId),
    ImageFullID: container.imageId,
    ImageName: container.imageName,
    DaemonName: 'docker',
    Hostname: hostname(),
  };
  return template.replace(/\{\{\s*\.(\w+)\s*\}\}/g, (whole, name: string) => fields[name] ?? whole);
}

/** For each line of a json-file; undefined when there is nothing to say. A tag only if it was asked for. */
export function fileAttributes(
  options: Record<string, string>,
  container: LoggedContainer,
): Record<string, string> | undefined {
  const all = attributesOf(options, container);
  if (options['tag']) all['tag'] = tagOf(options['tag'], container);
  const names = Object.keys(all).sort();
  return names.length === 0 ? undefined : Object.fromEntries(names.map((name) => [name, all[name] ?? '']));
}
