// Cuts a --format template into text and the tokens of its {{actions}}; template-parser.ts makes a tree of them.
import { ContainerError } from '@tscontainer/core/errors';

export type Token =
  | { kind: 'word'; text: string }
  | { kind: 'field'; text: string }
  | { kind: 'variable'; text: string }
  | { kind: 'string'; text: string }
  | { kind: 'number'; value: number }
  | { kind: 'symbol'; text: string };

export type Piece = { kind: 'text'; text: string } | { kind: 'action'; tokens: Token[] };

export function templateError(why: string): ContainerError {
  return new ContainerError('invalid-argument', `template parsing error: template: :1: ${why}`, {
    reason: 'bad-template',
  });
}

/** Honours `{{-`, `-}}` and comments. Throws invalid-argument. */
export function cutTemplate(text: string): Piece[] {
  const pieces: Piece[] = [];
  let at = 0;
  let trimsNext = false;
  for (;;) {
    const open = text.indexOf('{{', at);
    let plain = open < 0 ? text.slice(at) : text.slice(at, open);
    if (trimsNext) plain = plain.trimStart();
    const trimsBefore = /^\{\{-\s/.test(text.slice(open, open + 4));
    if (open >= 0 && trimsBefore) plain = plain.trimEnd();
    if (plain !== '') pieces.push({ kind: 'text', text: plain });
    if (open < 0) return pieces;
    const close = closingOf(text, open + 2);
    const inner = text.slice(open + (trimsBefore ? 3 : 2), close);
    trimsNext = /\s-$/.test(inner);
    const body = trimsNext ? inner.slice(0, -1) : inner;
    if (!/^\s*\/\*.*\*\/\s*$/s.test(body)) pieces.push({ kind: 'action', tokens: tokensOf(body) });
    at = close + 2;
  }
}

/** Where `}}` stands, leaving out those within quotes. */
function closingOf(text: string, from: number): number {
  let quote = '';
  for (let at = from; at < text.length; at += 1) {
    const letter = text.charAt(at);
    if (quote !== '') {
      if (letter === '\\' && quote === '"') at += 1;
      else if (letter === quote) quote = '';
    } else if (letter === '"' || letter === '`') quote = letter;
    else if (text.startsWith('}}', at)) return at;
  }
  throw templateError('unclosed action');
}

const patterns: readonly [RegExp, (text: string) => Token | undefined][] = [
  [/^\s+/, () => undefined],
  [/^"(?:[^"\\]|\\.)*"/, (text) => ({ kind: 'string', text: JSON.parse(text) as string })],
  [/^`[^`]*`/, (text) => ({ kind: 'string', text: text.slice(1, -1) })],
  [/^'(?:[^'\\]|\\.)'/, (text) => ({ kind: 'number', value: text.charCodeAt(1) })],
  [/^[+-]?\d+(?:\.\d+)?/, (text) => ({ kind: 'number', value: Number(text) })],
  [/^\.[\p{L}_][\p{L}\p{N}_]*/u, (text) => ({ kind: 'field', text: text.slice(1) })],
  [/^\$[\p{L}\p{N}_]*/u, (text) => ({ kind: 'variable', text })],
  [/^[\p{L}_][\p{L}\p{N}_]*/u, (text) => ({ kind: 'word', text })],
  [/^(?::=|[().|,=])/, (text) => ({ kind: 'symbol', text })],
];

function tokensOf(body: string): Token[] {
  const tokens: Token[] = [];
  let rest = body;
  let isSpaced = true;
  while (rest !== '') {
    const found = patterns
      .map(([pattern, make]) => ({ match: pattern.exec(rest), make }))
      .find(({ match }) => match !== null);
    const text = found?.match?.[0];
    if (found === undefined || text === undefined)
      throw templateError(`unexpected ${JSON.stringify(rest.charAt(0))} in action`);
    const token = found.make(text);
    // `.A .B` are two operands, `.A.B` one: a field after a space starts anew
    if (token?.kind === 'field' && isSpaced) tokens.push({ kind: 'symbol', text: '.' });
    if (token !== undefined) tokens.push(token);
    isSpaced = token === undefined || (token.kind === 'symbol' && token.text !== ')');
    rest = rest.slice(text.length);
  }
  return tokens;
}
