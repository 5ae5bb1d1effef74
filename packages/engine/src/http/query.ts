// Query parameters as the Engine API writes them: Go's booleans, numbers, and the two forms of filters.
import { ContainerError } from '@tscontainer/core/errors';

export type Query = Record<string, string | string[] | undefined>;

export function queryText(query: Query, name: string): string | undefined {
  const value = query[name];
  return Array.isArray(value) ? value[0] : value;
}

/** Missing, empty, 0, no, false and none are false; everything else is true. */
export function queryBool(query: Query, name: string, fallback = false): boolean {
  const value = queryText(query, name);
  if (value === undefined) return fallback;
  return !['', '0', 'no', 'false', 'none'].includes(value.trim().toLowerCase());
}

/** An integer; throws invalid-argument for anything else. */
export function queryInt(query: Query, name: string): number | undefined {
  const value = queryText(query, name);
  if (value === undefined || value === '') return undefined;
  if (!/^-?\d+$/.test(value))
    throw new ContainerError(
      'invalid-argument',
      `invalid value for ${name}: ${JSON.stringify(value)} is not an integer`,
    );
  return Number(value);
}

/** Values by filter name. */
export class Filters {
  readonly #values: Map<string, string[]>;

  constructor(values: Map<string, string[]>) {
    this.#values = values;
  }

  get names(): string[] {
    return [...this.#values.keys()];
  }

  get(name: string): string[] {
    return this.#values.get(name) ?? [];
  }

  has(name: string): boolean {
    return this.get(name).length > 0;
  }

  /** No such filter, or one of its values satisfies `test`. */
  matches(name: string, test: (value: string) => boolean): boolean {
    const values = this.get(name);
    return values.length === 0 || values.some(test);
  }

  /** Each value of the filter satisfies `test`: how labels are asked for. */
  matchesAll(name: string, test: (value: string) => boolean): boolean {
    return this.get(name).every(test);
  }

  /** True or false as asked for; undefined when not asked. */
  bool(name: string): boolean | undefined {
    const [value] = this.get(name);
    if (value === undefined) return undefined;
    if (['1', 'true', 't'].includes(value.toLowerCase())) return true;
    if (['0', 'false', 'f'].includes(value.toLowerCase())) return false;
    throw new ContainerError('invalid-argument', `invalid filter '${name}=[${this.get(name).join(' ')}]'`);
  }

  /** `key` or `key=value` against an object's labels; `label!` turns it round. */
  matchesLabels(labels: Record<string, string> | null | undefined): boolean {
    const hasLabel = (wanted: string) => {
      const equals = wanted.indexOf('=');
      if (equals < 0) return Object.hasOwn(labels ?? {}, wanted);
      return labels?.[wanted.slice(0, equals)] === wanted.slice(equals + 1);
    };
    return this.matchesAll('label', hasLabel) && this.matchesAll('label!', (unwanted) => !hasLabel(unwanted));
  }
}

function valuesOf(name: string, value: unknown): string[] {
  if (Array.isArray(value)) return value.map(String);
  if (value !== null && typeof value === 'object') {
    return Object.entries(value)
      .filter(([, isSet]) => isSet !== false)
      .map(([key]) => key);
  }
  throw new ContainerError('invalid-argument', `invalid filter '${name}'`);
}

/** Parses `{"k":{"v":true}}` and the legacy `{"k":["v"]}`; a name that is not `accepted` is refused. */
export function queryFilters(query: Query, accepted: readonly string[]): Filters {
  const text = queryText(query, 'filters');
  const values = new Map<string, string[]>();
  if (text === undefined || text === '') return new Filters(values);
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (error) {
    throw new ContainerError('invalid-argument', `invalid filter: ${text}`, { cause: error });
  }
  if (parsed === null || typeof parsed !== 'object' || Array.isArray(parsed))
    throw new ContainerError('invalid-argument', `invalid filter: ${text}`);
  for (const [name, value] of Object.entries(parsed)) {
    if (!accepted.includes(name)) throw new ContainerError('invalid-argument', `invalid filter '${name}'`);
    values.set(name, valuesOf(name, value));
  }
  return new Filters(values);
}
