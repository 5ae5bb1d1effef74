// .dockerignore: its lines as patterns, and which paths of a build context they leave out. The engine and tsctl ask it.
import { ContainerError } from './errors.ts';
import { pathPattern } from './path-match.ts';

interface IgnorePattern {
  text: string;
  /** How many components it has: a shorter pattern is tried on a path's parents. */
  depth: number;
  isException: boolean;
  expression: RegExp;
}

/** The patterns of a .dockerignore, comments and empty lines left out, relative to the context. */
export function readIgnoreFile(content: string): string[] {
  return content
    .replace(/^\uFEFF/, '')
    .split('\n')
    .filter((line) => !line.startsWith('#'))
    .map((line) => line.trim())
    .filter((line) => line !== '')
    .map((line) => (line.startsWith('!') ? `!${relative(line.slice(1).trim())}` : relative(line)));
}

function relative(pattern: string): string {
  if (pattern === '') return '';
  const clean = cleanPath(pattern);
  return clean.length > 1 && clean.startsWith('/') ? clean.slice(1) : clean;
}

/** Go's filepath.Clean. */
export function cleanPath(path: string): string {
  const isAbsolute = path.startsWith('/');
  const parts: string[] = [];
  for (const part of path.split('/')) {
    if (part === '' || part === '.') continue;
    if (part !== '..') parts.push(part);
    else if (parts.length > 0 && parts.at(-1) !== '..') parts.pop();
    else if (!isAbsolute) parts.push(part);
  }
  const joined = parts.join('/');
  return isAbsolute ? `/${joined}` : joined || '.';
}

/** Later patterns win over earlier ones; `!` takes a path back in. */
export class IgnorePatterns {
  readonly #patterns: IgnorePattern[];

  /** Throws invalid-argument for what is no pattern. */
  constructor(patterns: readonly string[]) {
    this.#patterns = patterns
      .map((pattern) => pattern.trim())
      .filter((pattern) => pattern !== '')
      .map(toPattern);
  }

  /** `path`: clean, relative to the context. The context itself is never left out. */
  matches(path: string): boolean {
    if (path === '.' || path === '') return false;
    const parents = path.split('/').slice(0, -1);
    let isIgnored = false;
    for (const { expression, depth, isException } of this.#patterns) {
      const isMatch =
        expression.test(path) || (depth <= parents.length && expression.test(parents.slice(0, depth).join('/')));
      if (isMatch) isIgnored = !isException;
    }
    return isIgnored;
  }

  /** An exception may lie below this directory, which itself is left out. */
  mayHoldExceptions(directory: string): boolean {
    return this.#patterns.some(({ text, isException }) => isException && `${text}/`.startsWith(`${directory}/`));
  }
}

function toPattern(pattern: string): IgnorePattern {
  const clean = cleanPath(pattern);
  const isException = clean.startsWith('!');
  const text = isException ? clean.slice(1) : clean;
  if (text === '') throw new ContainerError('invalid-argument', 'illegal exclusion pattern: "!"');
  try {
    return { text, depth: text.split('/').length, isException, expression: pathPattern(text, true) };
  } catch (error) {
    throw new ContainerError('invalid-argument', `ignore pattern ${JSON.stringify(text)}: syntax error in pattern`, {
      cause: error,
    });
  }
}
