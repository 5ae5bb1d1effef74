// Go's filepath.Match: `*` and `?` stop at slashes, `[a-z]` and `[^a]` are classes, a backslash takes the next character as it is.

/** A pattern that Go refuses. */
export class BadPatternError extends Error {
  override readonly name = 'BadPatternError';

  constructor() {
    super('syntax error in pattern');
  }
}

/** The whole of `name`. Throws BadPatternError, also when the fault lies behind what decides. */
export function matchPath(pattern: string, name: string): boolean {
  return pathPattern(pattern).test(name);
}

/** Compiled once for many names. `hasAnyDepth`: `**` stands for any number of directories. Throws BadPatternError. */
export function pathPattern(pattern: string, hasAnyDepth = false): RegExp {
  const characters = [...pattern];
  let source = '';
  for (let at = 0; at < characters.length; at++) {
    const character = characters[at] as string;
    if (hasAnyDepth && character === '*' && characters[at + 1] === '*') {
      at += characters[at + 2] === '/' ? 2 : 1;
      source += at + 1 >= characters.length ? '.*' : '(?:.*/)?';
    } else if (character === '*') source += '[^/]*';
    else if (character === '?') source += '[^/]';
    else if (character === '\\') source += literal(nextOf(characters, ++at));
    else if (character === '[') {
      const { text, end } = classOf(characters, at + 1);
      source += text;
      at = end;
    } else source += literal(character);
  }
  return new RegExp(`^${source}$`, 'su');
}

/** Has a character that makes a pattern of it. */
export function hasWildcards(text: string): boolean {
  return /^(?:[^*?[\\]|\\.)*[*?[]/s.test(text);
}

function literal(character: string): string {
  return /[\\^$.*+?()[\]{}|/]/.test(character) ? `\\${character}` : character;
}

function nextOf(characters: string[], at: number): string {
  const character = characters[at];
  if (character === undefined) throw new BadPatternError();
  return character;
}

/** From behind the `[` up to the `]`. */
function classOf(characters: string[], start: number): { text: string; end: number } {
  let at = start;
  const isNegated = characters[at] === '^';
  if (isNegated) at++;
  const ranges: string[] = [];
  for (; ranges.length === 0 || characters[at] !== ']'; at++) {
    const low = boundOf(characters, at);
    let high = low;
    at = low.end;
    if (characters[at + 1] === '-') {
      high = boundOf(characters, at + 2);
      at = high.end;
    }
    ranges.push(low.code <= high.code ? `${escaped(low.code)}-${escaped(high.code)}` : '');
  }
  const all = ranges.join('');
  // an empty class matches nothing, and its opposite everything
  return { text: all === '' && isNegated ? '[^]' : `[${isNegated ? '^' : ''}${all}]`, end: at };
}

function boundOf(characters: string[], at: number): { code: number; end: number } {
  const first = characters[at];
  if (first === undefined || first === '-' || first === ']') throw new BadPatternError();
  const end = first === '\\' ? at + 1 : at;
  return { code: nextOf(characters, end).codePointAt(0) as number, end };
}

function escaped(code: number): string {
  return `\\u{${code.toString(16)}}`;
}
