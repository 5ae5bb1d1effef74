// Builds the tree of a --format template: Go's text/template as far as docker's users need it.
import { cutTemplate, type Piece, type Token, templateError } from './template-lexer.ts';

export type Node =
  | { kind: 'text'; text: string }
  | { kind: 'print'; pipe: Pipe }
  | { kind: 'if' | 'with'; pipe: Pipe; body: Node[]; otherwise: Node[] }
  | { kind: 'range'; pipe: Pipe; key: string | undefined; value: string | undefined; body: Node[]; otherwise: Node[] };

/** `$x := a | b`: each command's value is the next one's last argument. */
export interface Pipe {
  assignsTo: string | undefined;
  commands: Operand[][];
}

export type Operand =
  | { kind: 'literal'; value: string | number | boolean | null }
  | { kind: 'call'; name: string }
  /** A chain of fields on dot, on a variable or on a parenthesis. */
  | { kind: 'path'; from: 'dot' | { variable: string } | { pipe: Pipe }; fields: string[] };

const words: Readonly<Record<string, boolean | null>> = { true: true, false: false, nil: null };

export function parseTemplate(text: string): Node[] {
  const pieces = cutTemplate(text);
  const { nodes, ended } = parseList(pieces, false);
  if (ended !== undefined) throw templateError(`unexpected {{${ended}}}`);
  return nodes;
}

/** Nodes up to {{end}} or {{else}}; consumes `pieces`. */
function parseList(pieces: Piece[], isNested: boolean): { nodes: Node[]; ended: string | undefined; tokens: Token[] } {
  const nodes: Node[] = [];
  for (let piece = pieces.shift(); piece !== undefined; piece = pieces.shift()) {
    if (piece.kind === 'text') {
      nodes.push(piece);
      continue;
    }
    const [first, ...rest] = piece.tokens;
    if (first === undefined) throw templateError('missing value for command');
    const word = first.kind === 'word' ? first.text : '';
    if (word === 'end' || word === 'else') return { nodes, ended: word, tokens: rest };
    if (word === 'if' || word === 'with' || word === 'range') nodes.push(parseBlock(word, rest, pieces));
    else nodes.push({ kind: 'print', pipe: parseWholePipe(piece.tokens) });
  }
  if (isNested) throw templateError('unexpected EOF');
  return { nodes, ended: undefined, tokens: [] };
}

function parseBlock(kind: 'if' | 'with' | 'range', tokens: Token[], pieces: Piece[]): Node {
  const loop = kind === 'range' ? loopVariables(tokens) : undefined;
  const pipe = parseWholePipe(loop?.rest ?? tokens);
  const body = parseList(pieces, true);
  const otherwise = body.ended === 'else' ? parseElse(body.tokens, pieces) : [];
  if (kind === 'range') return { kind, pipe, key: loop?.key, value: loop?.value, body: body.nodes, otherwise };
  return { kind, pipe, body: body.nodes, otherwise };
}

/** `{{else}}` or `{{else if x}}`, which shares the one {{end}}. */
function parseElse(tokens: Token[], pieces: Piece[]): Node[] {
  const [first, ...rest] = tokens;
  if (first?.kind === 'word' && (first.text === 'if' || first.text === 'with'))
    return [parseBlock(first.text, rest, pieces)];
  const list = parseList(pieces, true);
  if (list.ended !== 'end') throw templateError('expected end; found {{else}}');
  return list.nodes;
}

/** `$v := pipe` or `$k, $v := pipe` after range. */
function loopVariables(
  tokens: Token[],
): { key: string | undefined; value: string | undefined; rest: Token[] } | undefined {
  const at = tokens.findIndex((token) => token.kind === 'symbol' && token.text === ':=');
  if (at < 0) return undefined;
  const names = tokens
    .slice(0, at)
    .filter((token) => token.kind === 'variable')
    .map((token) => token.text);
  const [first, second] = names;
  if (first === undefined) throw templateError('range needs a variable before :=');
  return { key: second === undefined ? undefined : first, value: second ?? first, rest: tokens.slice(at + 1) };
}

function parseWholePipe(tokens: Token[]): Pipe {
  const rest = [...tokens];
  const pipe = parsePipe(rest);
  if (rest.length > 0) throw templateError('unexpected ) in action');
  return pipe;
}

/** Consumes up to a closing parenthesis or the end. */
function parsePipe(rest: Token[]): Pipe {
  const [first, second] = rest;
  const assigns =
    first?.kind === 'variable' && second?.kind === 'symbol' && (second.text === ':=' || second.text === '=');
  if (assigns) rest.splice(0, 2);
  const commands: Operand[][] = [[]];
  while (rest.length > 0 && !isSymbol(rest[0], ')')) {
    if (isSymbol(rest[0], '|')) {
      rest.shift();
      commands.push([]);
    } else commands.at(-1)?.push(parseOperand(rest));
  }
  if (commands.some((command) => command.length === 0)) throw templateError('missing value for command');
  return { assignsTo: assigns ? first.text : undefined, commands };
}

function parseOperand(rest: Token[]): Operand {
  const token = rest.shift();
  if (token === undefined) throw templateError('missing value for command');
  if (token.kind === 'string') return { kind: 'literal', value: token.text };
  if (token.kind === 'number') return { kind: 'literal', value: token.value };
  if (token.kind === 'word') return wordOperand(token.text);
  if (token.kind === 'variable') return { kind: 'path', from: { variable: token.text }, fields: takeFields(rest) };
  if (token.kind === 'symbol' && token.text === '.') return { kind: 'path', from: 'dot', fields: takeFields(rest) };
  if (token.kind === 'symbol' && token.text === '(') {
    const pipe = parsePipe(rest);
    if (!isSymbol(rest.shift(), ')')) throw templateError('unclosed left paren');
    return { kind: 'path', from: { pipe }, fields: takeFields(rest) };
  }
  throw templateError(`unexpected ${JSON.stringify('text' in token ? token.text : '')} in operand`);
}

function wordOperand(text: string): Operand {
  const value = words[text];
  return value === undefined ? { kind: 'call', name: text } : { kind: 'literal', value };
}

function takeFields(rest: Token[]): string[] {
  const fields: string[] = [];
  for (let token = rest[0]; token?.kind === 'field'; token = rest[0]) {
    fields.push(token.text);
    rest.shift();
  }
  return fields;
}

function isSymbol(token: Token | undefined, text: string): boolean {
  return token?.kind === 'symbol' && token.text === text;
}
