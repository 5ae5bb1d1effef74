// The functions that --format templates may call: Go's built-in ones and docker's own.
import { ContainerError } from '@tscontainer/core/errors';
import { isTruthy, printed, toJson, type Value } from './template-values.ts';

export type TemplateFunction = (...parameters: Value[]) => Value;

const text = (value: Value): string => (typeof value === 'string' ? value : printed(value));

export const templateFunctions: Readonly<Record<string, TemplateFunction>> = {
  json: (value) => toJson(value),
  lower: (value) => text(value).toLowerCase(),
  upper: (value) => text(value).toUpperCase(),
  title: (value) =>
    text(value).replace(/(^|[\s\-_.])(\p{L})/gu, (_, before: string, letter: string) => before + letter.toUpperCase()),
  split: (value, separator) => text(value).split(text(separator)),
  join: (values, separator) => ((values as Value[] | null) ?? []).map(text).join(text(separator)),
  pad: (value, before, after) =>
    text(value) === '' ? '' : ' '.repeat(Number(before)) + text(value) + ' '.repeat(Number(after)),
  truncate: (value, length) => text(value).slice(0, Number(length)),
  print: (...values) => values.map(text).join(''),
  println: (...values) => `${values.map(text).join(' ')}\n`,
  printf: (form, ...values) => formatted(text(form), values),
  len: (value) => lengthOf(value),
  index: (value, ...keys) => keys.reduce(entryOf, value),
  slice: (value, from, to) => sliced(value, from, to),
  not: (value) => !isTruthy(value),
  eq: (first, ...others) => others.some((other) => isSame(first, other)),
  ne: (left, right) => !isSame(left, right),
  lt: (left, right) => compare(left, right) < 0,
  le: (left, right) => compare(left, right) <= 0,
  gt: (left, right) => compare(left, right) > 0,
  ge: (left, right) => compare(left, right) >= 0,
  // Go stops at the first deciding value too, but values here have no side effects
  and: (...values) => values.find((value) => !isTruthy(value)) ?? values.at(-1),
  or: (...values) => values.find((value) => isTruthy(value)) ?? values.at(-1),
};

function lengthOf(value: Value): number {
  if (typeof value === 'string') return Buffer.byteLength(value);
  if (Array.isArray(value)) return value.length;
  if (value === null || value === undefined) return 0;
  if (typeof value === 'object') return Object.keys(value).length;
  throw failure('len', `len of type ${typeof value}`);
}

function entryOf(value: Value, key: Value): Value {
  if (Array.isArray(value) || typeof value === 'string') {
    const at = Number(key);
    if (!Number.isInteger(at) || at < 0 || at >= value.length)
      throw failure('index', `index out of range: ${printed(key)}`);
    return value[at];
  }
  if (value === null || value === undefined) throw failure('index', 'index of nil pointer');
  if (typeof value !== 'object') throw failure('index', `can't index item of type ${typeof value}`);
  return (value as Record<string, Value>)[text(key)];
}

function sliced(value: Value, from: Value, to: Value): Value {
  if (typeof value !== 'string' && !Array.isArray(value))
    throw failure('slice', `can't slice item of type ${typeof value}`);
  return value.slice(Number(from ?? 0), to === undefined ? value.length : Number(to));
}

function isSame(left: Value, right: Value): boolean {
  return (left ?? null) === (right ?? null);
}

function compare(left: Value, right: Value): number {
  if (typeof left === 'number' && typeof right === 'number') return left - right;
  return text(left) < text(right) ? -1 : text(left) > text(right) ? 1 : 0;
}

/** %s %v %q %d %f %x %t %% with flags, width and precision. */
function formatted(form: string, values: Value[]): string {
  let next = 0;
  return form.replace(
    /%(-)?(0)?(\d+)?(?:\.(\d+))?([svqdfxt%])/g,
    (whole, left, zero, width, precision, verb: string) => {
      if (verb === '%') return '%';
      if (next >= values.length) return `%!${verb}(MISSING)`;
      const body = verbText(verb, values[next], precision === undefined ? undefined : Number(precision), whole);
      next += 1;
      const columns = Number(width ?? 0);
      return left === undefined ? body.padStart(columns, zero === undefined ? ' ' : '0') : body.padEnd(columns);
    },
  );
}

function verbText(verb: string, value: Value, precision: number | undefined, whole: string): string {
  if (verb === 'q') return JSON.stringify(text(value));
  if (verb === 'd')
    return typeof value === 'number' ? String(Math.trunc(value)) : `%!d(${typeof value}=${text(value)})`;
  if (verb === 'f') return Number(value).toFixed(precision ?? 6);
  if (verb === 'x') return typeof value === 'number' ? value.toString(16) : Buffer.from(text(value)).toString('hex');
  if (verb === 's' || verb === 'v' || verb === 't')
    return precision === undefined ? text(value) : text(value).slice(0, precision);
  return whole;
}

function failure(name: string, why: string): ContainerError {
  return new ContainerError(
    'invalid-argument',
    `template parsing error: template: :1: executing "" at <${name}>: error calling ${name}: ${why}`,
  );
}
