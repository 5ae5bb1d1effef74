// containerd's filter language, e.g. `id==web,labels."a.b"~=^x`: parsed once, then asked of records by every List.
//
// A filter is a comma-separated list of selectors that must all hold; of several filters one must. A selector is a
// field path (`labels."k"`), alone (it is present) or with ==, != or ~= (regular expression) and a bare or quoted value.
import { ContainerError, errorMessageOf } from '@tscontainer/core/errors';

/** Gives the value at a field path of one record, or undefined when it has none. */
export type FieldReader = (path: string[]) => string | undefined;
export type Filter = (read: FieldReader) => boolean;

const maxFilterLength = 16 * 1024;

/** No filters match everything. Throws invalid-argument, with the position, for one that does not parse. */
export function compileFilters(filters: string[]): Filter {
  const parsed = filters.map((filter) => parseFilter(filter));
  if (parsed.length === 0) return () => true;
  return (read) => parsed.some((selectors) => selectors.every((selector) => selector(read)));
}

function parseFilter(text: string): Filter[] {
  if (text.length > maxFilterLength)
    throw new ContainerError('invalid-argument', `parse filter: longer than ${maxFilterLength}`);
  const scanner = new Scanner(text);
  const selectors: Filter[] = [];
  if (text === '') return selectors;
  for (;;) {
    selectors.push(parseSelector(scanner));
    if (scanner.isAtEnd) return selectors;
    scanner.expect(',');
  }
}

function parseSelector(scanner: Scanner): Filter {
  const path = [scanner.field()];
  while (scanner.accept('.')) path.push(scanner.field());
  const operator = scanner.operator();
  if (operator === undefined) return (read) => read(path) !== undefined;
  const value = scanner.value(operator === '~=');
  if (operator === '==') return (read) => read(path) === value;
  if (operator === '!=') return (read) => read(path) !== value;
  const pattern = scanner.pattern(value);
  return (read) => pattern.test(read(path) ?? '');
}

class Scanner {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  get isAtEnd(): boolean {
    return this.#at >= this.#text.length;
  }

  accept(token: string): boolean {
    if (!this.#text.startsWith(token, this.#at)) return false;
    this.#at += token.length;
    return true;
  }

  expect(token: string): void {
    if (!this.accept(token)) this.#fail(`expected ${token}`);
  }

  operator(): '==' | '!=' | '~=' | undefined {
    for (const operator of ['==', '!=', '~='] as const) if (this.accept(operator)) return operator;
    return undefined;
  }

  /** A bare word of letters, digits and _, or a quoted string. */
  field(): string {
    return this.#quoted(false) ?? this.#matched(/[A-Za-z0-9_]+/y) ?? this.#fail('expected a field name');
  }

  /** Anything up to a comma, or a quoted string; a regular expression may also stand between / or |. */
  value(isPattern: boolean): string {
    return this.#quoted(isPattern) ?? this.#matched(/[^,"]+/y) ?? this.#fail('expected a value');
  }

  pattern(source: string): RegExp {
    try {
      return new RegExp(source);
    } catch (error) {
      this.#fail(errorMessageOf(error));
    }
  }

  #matched(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at;
    const [match] = pattern.exec(this.#text) ?? [];
    if (match !== undefined) this.#at += match.length;
    return match;
  }

  #quoted(withSlashes: boolean): string | undefined {
    const quote = this.#text[this.#at];
    if (quote !== '"' && !(withSlashes && (quote === '/' || quote === '|'))) return undefined;
    let end = this.#at + 1;
    while (end < this.#text.length && this.#text[end] !== quote) end += this.#text[end] === '\\' ? 2 : 1;
    if (end >= this.#text.length) this.#fail('quoted literal not terminated');
    const inner = this.#text.slice(this.#at + 1, end);
    this.#at = end + 1;
    if (quote !== '"') return inner.replaceAll(`\\${quote}`, quote);
    return decodeEscapes(inner) ?? this.#fail('bad escape in quoted literal');
  }

  #fail(cause: string): never {
    throw new ContainerError(
      'invalid-argument',
      `parse filter "${this.#text}" at ${this.#at + 1}: ${cause}: invalid argument`,
    );
  }
}

/** Go's escapes in a double-quoted string, as far as JSON shares them. */
function decodeEscapes(inner: string): string | undefined {
  if (!inner.includes('\\')) return inner;
  try {
    return JSON.parse(`"${inner.replace(/\\x([0-9a-fA-F]{2})/g, '\\u00$1')}"`) as string;
  } catch {
    return undefined; // the caller says where
  }
}

/** The reader of the commonest record: named fields and `labels.KEY`. */
export function readRecord(fields: Record<string, string | undefined>, labels: Record<string, string>): FieldReader {
  return ([field = '', ...rest]) => {
    if (field === 'labels') return labels[rest.join('.')];
    return rest.length === 0 ? fields[field] : undefined;
  };
}
