// Descriptions of flags and the typed values that parsing gives; commands declare the former and read the latter.

import { parseDurationNs } from '../format/durations.ts';
import { parseSize } from '../format/sizes.ts';
import { containerFaults } from './container-flag-faults.ts';
import { FlagError } from './failures.ts';

/** How a flag's text is checked and shown in help. `bool` takes no value unless written `--flag=false`. */
export type FlagKind =
  | 'bool'
  | 'string'
  | 'list'
  | 'map'
  | 'int'
  | 'decimal'
  | 'bytes'
  | 'duration'
  | 'filter'
  | 'ulimit'
  | 'mount'
  | 'network'
  | 'env'
  | 'label'
  | 'ip'
  | 'extra-host'
  | 'sysctl'
  | 'throttle'
  | 'device-rule';

export interface FlagDefinition {
  readonly name: string;
  readonly short?: string;
  readonly kind: FlagKind;
  readonly summary: string;
  /** Shown in help; the value when the flag is absent. */
  readonly preset?: string;
  /** Other long names, not shown: `net` for `network`. */
  readonly aliases?: readonly string[];
  readonly hidden?: boolean;
}

const repeatable: ReadonlySet<FlagKind> = new Set([
  'list',
  'map',
  'filter',
  'ulimit',
  'mount',
  'network',
  'env',
  'label',
  'ip',
  'extra-host',
  'sysctl',
  'throttle',
  'device-rule',
]);

export function isRepeatable(kind: FlagKind): boolean {
  return repeatable.has(kind);
}

/** Shorthand for the common case. */
export function flag(kind: FlagKind, names: string, summary: string, preset?: string): FlagDefinition {
  const [name = '', short] = names.split(',');
  return {
    name,
    kind,
    summary,
    ...(short === undefined ? {} : { short }),
    ...(preset === undefined ? {} : { preset }),
  };
}

/** `-n, --last` as docker's messages name a flag. */
function flagLabel(definition: FlagDefinition): string {
  return definition.short === undefined ? `--${definition.name}` : `-${definition.short}, --${definition.name}`;
}

const trueWords = new Set(['1', 't', 'T', 'true', 'TRUE', 'True']);
const falseWords = new Set(['0', 'f', 'F', 'false', 'FALSE', 'False']);

/** `label` as flagLabel gives it. */
export function invalidFlag(label: string, text: string, why: string): FlagError {
  return new FlagError(`invalid argument ${JSON.stringify(text)} for "${label}" flag: ${why}`);
}

/** Throws FlagError with docker's words when `text` is no value of that flag. */
function checkFlagValue(definition: FlagDefinition, text: string): void {
  const fault = faultOf(definition.kind, text);
  if (fault !== undefined) throw invalidFlag(flagLabel(definition), text, fault);
}

function faultOf(kind: FlagKind, text: string): string | undefined {
  if (kind === 'bool' && !trueWords.has(text) && !falseWords.has(text))
    return `strconv.ParseBool: parsing ${JSON.stringify(text)}: invalid syntax`;
  if (kind === 'int' && !/^[+-]?\d+$/.test(text))
    return `strconv.ParseInt: parsing ${JSON.stringify(text)}: invalid syntax`;
  if (kind === 'decimal' && !/^\d*\.?\d+$/.test(text)) return `failed to parse ${text} as a rational number`;
  if (kind === 'bytes' && text !== '-1' && parseSize(text) === undefined) return `invalid size: '${text}'`;
  if (kind === 'duration' && parseDurationNs(text) === undefined)
    return `time: invalid duration ${JSON.stringify(text)}`;
  const contained = containerFaults[kind]?.(text);
  if (contained !== undefined) return contained;
  if (kind === 'filter' && !text.includes('=')) return 'bad format of filter (expected name=value)';
  return undefined;
}

/** The flags given on one command line, by long name. */
export class FlagValues {
  readonly #values = new Map<string, string[]>();
  readonly #definitions: ReadonlyMap<string, FlagDefinition>;

  constructor(definitions: readonly FlagDefinition[]) {
    this.#definitions = new Map(definitions.map((definition) => [definition.name, definition]));
  }

  add(definition: FlagDefinition, text: string): void {
    checkFlagValue(definition, text);
    const previous = isRepeatable(definition.kind) ? (this.#values.get(definition.name) ?? []) : [];
    this.#values.set(definition.name, [...previous, text]);
  }

  /** Whether the user wrote it. */
  has(name: string): boolean {
    return this.#values.has(name);
  }

  bool(name: string): boolean {
    return trueWords.has(this.text(name));
  }

  /** The last value given, else the preset, else ''. */
  text(name: string): string {
    return this.#values.get(name)?.at(-1) ?? this.#definition(name).preset ?? '';
  }

  list(name: string): readonly string[] {
    this.#definition(name);
    return this.#values.get(name) ?? [];
  }

  /** Undefined when absent and without a preset. */
  int(name: string): number | undefined {
    const text = this.text(name);
    return text === '' ? undefined : Number.parseInt(text, 10);
  }

  /** Bytes; -1 means without limit. */
  bytes(name: string): number | undefined {
    const text = this.text(name);
    return text === '' ? undefined : text === '-1' ? -1 : parseSize(text);
  }

  durationNs(name: string): number | undefined {
    const text = this.text(name);
    return text === '' ? undefined : parseDurationNs(text);
  }

  #definition(name: string): FlagDefinition {
    const definition = this.#definitions.get(name);
    if (definition === undefined) throw new Error(`flag --${name} is not declared`);
    return definition;
  }
}
