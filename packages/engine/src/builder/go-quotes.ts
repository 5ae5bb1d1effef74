// Go's %q and %v of what stands in an image's history: docker's builder writes commands so, and its cache compares them.
import type { Healthcheck } from '../containers/health-check.ts';

const escapes: Record<string, string> = {
  '\u0007': '\\a',
  '\b': '\\b',
  '\f': '\\f',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
  '\v': '\\v',
  '\\': '\\\\',
};

function escaped(character: string, quote: string): string {
  const known = escapes[character];
  if (known !== undefined) return known;
  if (character === quote) return `\\${character}`;
  const code = character.codePointAt(0) ?? 0;
  if (code < 0x20 || code === 0x7f) return `\\x${code.toString(16).padStart(2, '0')}`;
  if (/^[\p{L}\p{M}\p{N}\p{P}\p{S} ]$/u.test(character)) return character;
  return code > 0xffff ? `\\U${code.toString(16).padStart(8, '0')}` : `\\u${code.toString(16).padStart(4, '0')}`;
}

export function goQuote(text: string): string {
  return `"${[...text].map((character) => escaped(character, '"')).join('')}"`;
}

export function goQuotedList(words: readonly string[] | null): string {
  return `[${(words ?? []).map(goQuote).join(' ')}]`;
}

export function goList(words: readonly string[]): string {
  return `[${words.join(' ')}]`;
}

/** Go's time.Duration.String. */
export function goDuration(ns: number): string {
  if (ns === 0) return '0s';
  if (ns < 1e3) return `${ns}ns`;
  if (ns < 1e6) return `${ns / 1e3}µs`;
  if (ns < 1e9) return `${ns / 1e6}ms`;
  const hours = Math.floor(ns / 3600e9);
  const minutes = Math.floor((ns % 3600e9) / 60e9);
  const seconds = Number(((ns % 60e9) / 1e9).toFixed(9));
  return `${hours > 0 ? `${hours}h` : ''}${hours > 0 || minutes > 0 ? `${minutes}m` : ''}${seconds}s`;
}

/** `%q` of the pointer to a struct: an integer becomes the character it stands for. */
export function goQuotedHealthcheck(check: Healthcheck): string {
  const times = [check.Interval, check.Timeout, check.StartPeriod].map((ns) => `"${goDuration(ns ?? 0)}"`);
  const retries = `'${escaped(String.fromCodePoint(check.Retries ?? 0), "'")}'`;
  return `&{${goQuotedList(check.Test ?? null)} ${times.join(' ')} ${retries}}`;
}
