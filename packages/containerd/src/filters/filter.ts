// containerd's filter language, e.g. `id==web,labels."a.b"~=^x`: parsed once, then asked of records by every List.
//
// A filter is a comma-separated list of selectors that must all hold; of several filters one must. A selector is a
// field path (`labels."k"`), alone (it is present) or with ==, != or ~= (regular expression) and a bare or quoted value.
import { ContainerError } from '@tscontainer/core/errors';
import { FilterScanner, type Token } from './filter-scanner.ts';
import { compileGoRegexp } from './go-regexp.ts';

/** Gives the value at a field path of one record, or undefined when it has none. */
export type FieldReader = (path: string[]) => string | undefined;
export type Filter = (read: FieldReader) => boolean;

const maxFilterLength = 16 * 1024;

/** No filters match everything. Throws invalid-argument, with the place, for one that does not parse. */
export function compileFilters(filters: string[]): Filter {
  const parsed = filters.map((filter) => parseFilter(filter));
  if (parsed.length === 0) return () => true;
  return (read) => parsed.some((selectors) => selectors.every((selector) => selector(read)));
}

function parseFilter(text: string): Filter[] {
  if (text.length > maxFilterLength)
    throw new ContainerError('invalid-argument', `filters: longer than ${maxFilterLength}: invalid argument`);
  if (text === '') return [];
  const scanner = new FilterScanner(text);
  const selectors = [parseSelector(scanner)];
  for (;;) {
    const next = scanner.peek();
    if (next === '') return selectors;
    if (next !== ',') fail(scanner, scanner.rest(), `unexpected input: ${next}`);
    scanner.scan();
    selectors.push(parseSelector(scanner));
  }
}

function parseSelector(scanner: FilterScanner): Filter {
  const path = [parseField(scanner)];
  while (scanner.peek() === '.') {
    scanner.scan();
    path.push(parseField(scanner));
  }
  if (scanner.peek() === ',' || scanner.peek() === '') return (read) => read(path) !== undefined;
  const operator = scanner.scan();
  if (operator.kind !== 'operator') fail(scanner, operator, 'expected an operator ("=="|"!="|"~=")');
  if (!['==', '!=', '~='].includes(operator.text)) fail(scanner, operator, `unsupported operator "${operator.text}"`);
  const value = parseValue(scanner, operator.text === '~=');
  if (operator.text === '==') return (read) => read(path) === value;
  if (operator.text === '!=') return (read) => read(path) !== value;
  // a pattern that does not compile matches nothing, as containerd has it
  const pattern = compileGoRegexp(value);
  return (read) => pattern?.test(read(path) ?? '') === true;
}

function parseField(scanner: FilterScanner): string {
  const token = scanner.scan();
  if (token.kind === 'field') return token.text;
  if (token.kind === 'quoted') return unquoted(scanner, token, false);
  return fail(scanner, token, token.error ?? 'expected field or quoted');
}

function parseValue(scanner: FilterScanner, isPattern: boolean): string {
  const token = scanner.scan();
  if (token.kind === 'value' || token.kind === 'field') return token.text;
  if (token.kind === 'quoted') return unquoted(scanner, token, isPattern);
  return fail(scanner, token, token.error ?? 'expected value or quoted');
}

/** Only a regular expression may stand between / or |. */
function unquoted(scanner: FilterScanner, token: Token, withSlashes: boolean): string {
  const quote = token.text[0] ?? '';
  if (quote !== '"' && !withSlashes) fail(scanner, token, 'invalid quote encountered');
  return decodeEscapes(token.text.slice(1, -1));
}

/** The place is the first character of what was wrong. */
function fail(scanner: FilterScanner, { at }: Token, cause: string): never {
  const { text } = scanner;
  const next = String.fromCodePoint(text.codePointAt(at) ?? 32);
  const place = at >= text.length ? text : `${text.slice(0, at)} >|${next}|< ${text.slice(at + next.length)}`;
  // twice, as containerd says it: its clients take one of them off
  const words = `filters: parse error: [${place}]: ${cause}: invalid argument: invalid argument`;
  throw new ContainerError('invalid-argument', words);
}

const simpleEscapes: Record<string, string> = { a: '\x07', b: '\b', f: '\f', n: '\n', r: '\r', t: '\t', v: '\v' };

/** Go's escapes; the scanner has let pass no other. */
function decodeEscapes(inner: string): string {
  const escaped = /\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([0-7]{3})|([\s\S]))/g;
  return inner.replace(escaped, (_, hex, short, long, octal, simple) => {
    const digits = hex ?? short ?? long;
    if (digits !== undefined) return codePoint(Number.parseInt(digits, 16));
    if (octal !== undefined) return codePoint(Number.parseInt(octal, 8));
    return simpleEscapes[simple] ?? simple;
  });
}

function codePoint(number: number): string {
  return number <= 0x10ffff ? String.fromCodePoint(number) : '\ufffd';
}

/** The reader of the commonest record: named fields and `labels.KEY`. */
export function readRecord(fields: Record<string, string | undefined>, labels: Record<string, string>): FieldReader {
  return ([field = '', ...rest]) => {
    if (field === 'labels') return Object.hasOwn(labels, rest.join('.')) ? labels[rest.join('.')] : undefined;
    return rest.length === 0 && Object.hasOwn(fields, field) ? fields[field] : undefined;
  };
}
