// Regular expressions in RE2's syntax, which containerd's clients write, as JavaScript's. For filter.ts.

/** What RE2 has not, because it could not be matched in linear time: looking around and back references. */
const unknownToGo = /\(\?<?[=!]|\\[1-9]|\\k</;

const classes: Record<string, string> = {
  alnum: '0-9A-Za-z',
  alpha: 'A-Za-z',
  ascii: '\\x00-\\x7F',
  blank: '\\t ',
  cntrl: '\\x00-\\x1F\\x7F',
  digit: '0-9',
  graph: '!-~',
  lower: 'a-z',
  print: ' -~',
  punct: '!-\\/:-@\\[-`{-~',
  space: '\\t\\n\\v\\f\\r ',
  upper: 'A-Z',
  word: '0-9A-Za-z_',
  xdigit: '0-9A-Fa-f',
};

/** A value is matched up to here: a pattern may be costly on a long one. */
const maxPatternLength = 1000;

/** undefined when Go would not compile it. */
export function compileGoRegexp(pattern: string): RegExp | undefined {
  if (pattern.length > maxPatternLength || unknownToGo.test(pattern.replaceAll('\\\\', ''))) return undefined;
  const { flags, source } = leadingFlags(pattern);
  const translated = source
    .replace(/\(\?P</g, '(?<')
    .replace(/\[:(\^?)(\w+):\]/g, (whole, not: string, name: string) => (not === '' ? (classes[name] ?? whole) : whole))
    .replace(/\\(A|z|Q[\s\S]*?(?:\\E|$))/g, (_, escaped: string) => anchorOrLiteral(escaped));
  try {
    return new RegExp(translated, flags);
  } catch {
    return undefined; // the caller takes it as one that matches nothing
  }
}

/** `(?i)` in front holds for all of it; (?U), which swaps greediness, makes no difference to whether it matches. */
function leadingFlags(pattern: string): { flags: string; source: string } {
  const match = /^\(\?([imsU]+)\)/.exec(pattern);
  if (match === null) return { flags: '', source: pattern };
  return { flags: (match[1] ?? '').replaceAll('U', ''), source: pattern.slice(match[0].length) };
}

function anchorOrLiteral(escaped: string): string {
  if (escaped === 'A') return '(?<![\\s\\S])';
  if (escaped === 'z') return '(?![\\s\\S])';
  const literal = escaped.slice(1).replace(/\\E$/, '');
  return literal.replace(/[.*+?^${}()|[\]\\/]/g, '\\$&');
}
