// Takes one instruction line apart: its name, its flags, and its arguments as words, pairs or a JSON list.
import { buildFailure } from '../build-failure.ts';

export interface SplitLine {
  /** Lower case. */
  name: string;
  /** `--from=x`, quotes taken away. */
  flags: string[];
  rest: string;
}

const blank = /[\t\v\f\r ]+/;

export function splitInstruction(line: string): SplitLine {
  const trimmed = line.trim();
  const match = blank.exec(trimmed);
  if (match === null) return { name: trimmed.toLowerCase(), flags: [], rest: '' };
  const { flags, rest } = takeFlags(trimmed.slice(match.index + match[0].length));
  return { name: trimmed.slice(0, match.index).toLowerCase(), flags, rest: rest.trim() };
}

/** The words in front that begin with `--`; a bare `--` ends them. */
function takeFlags(text: string): { flags: string[]; rest: string } {
  const flags: string[] = [];
  let at = 0;
  for (;;) {
    while (isBlank(text[at])) at++;
    if (!text.startsWith('--', at) || at + 2 > text.length) return { flags, rest: text.slice(at) };
    const { word, end, isQuoted } = flagWord(text, at);
    at = end;
    if (word === '--') return { flags, rest: text.slice(at) };
    if (isQuoted || word !== '') flags.push(word);
  }
}

function flagWord(text: string, start: number): { word: string; end: number; isQuoted: boolean } {
  let word = '';
  let quote = '';
  let isQuoted = false;
  let at = start;
  for (; at < text.length; at++) {
    let character = text[at] as string;
    if (quote === '' && isBlank(character)) break;
    if (quote === '' && (character === "'" || character === '"')) {
      quote = character;
      isQuoted = true;
      continue;
    }
    if (character === quote) {
      quote = '';
      continue;
    }
    if (character === '\\') {
      if (at + 1 === text.length) continue;
      character = text[++at] as string;
    }
    word += character;
  }
  return { word, end: at, isQuoted };
}

function isBlank(character: string | undefined): boolean {
  return character !== undefined && /\s/.test(character);
}

/** Split at blanks outside of quotes; quotes and escapes stay, for expansion takes them away. */
export function splitQuotedWords(text: string, escapeToken: string): string[] {
  const words: string[] = [];
  let word = '';
  let quote = '';
  let isStarted = false;
  const characters = [...text];
  for (let at = 0; at < characters.length; at++) {
    const character = characters[at] as string;
    if (quote === '' && isBlank(character)) {
      if (isStarted) words.push(word);
      word = '';
      isStarted = false;
      continue;
    }
    isStarted = true;
    if (quote === '' && (character === "'" || character === '"')) quote = character;
    else if (character === quote) quote = '';
    if (character === escapeToken && quote !== "'") {
      const next = characters[at + 1];
      if (next === undefined) continue; // at the end of the line it says nothing
      word += character + next;
      at++;
      continue;
    }
    word += character;
  }
  if (isStarted && word !== '') words.push(word);
  return words;
}

export function splitBlankWords(text: string): string[] {
  return text === '' ? [] : text.split(new RegExp(blank, 'g'));
}

/** `NAME=value ...`, or the old `NAME value`. Throws invalid-argument. */
export function splitPairs(instruction: string, text: string, escapeToken: string): [string, string][] {
  const words = splitQuotedWords(text, escapeToken);
  const [first] = words;
  if (first === undefined) return [];
  if (!first.includes('=')) {
    const match = blank.exec(text);
    if (match === null) throw buildFailure(`${instruction} must have two arguments`);
    return [[text.slice(0, match.index), text.slice(match.index + match[0].length)]];
  }
  return words.map((word) => {
    const equals = word.indexOf('=');
    if (equals < 0)
      throw buildFailure(`Syntax error - can't find = in ${JSON.stringify(word)}. Must be of the form: name=value`);
    return [word.slice(0, equals), word.slice(equals + 1)];
  });
}

/** The list that the text begins with, whatever follows; undefined when it begins with none. Throws for other items than texts. */
export function jsonList(text: string): string[] | undefined {
  const start = text.trimStart();
  if (!start.startsWith('[')) return undefined;
  let parsed: unknown;
  try {
    parsed = JSON.parse(start.slice(0, listEnd(start)));
  } catch {
    return undefined; // a shell command may begin with a bracket too
  }
  if (!Array.isArray(parsed)) return undefined;
  if (parsed.some((item) => typeof item !== 'string'))
    throw buildFailure('when using JSON array syntax, arrays must be comprised of strings only');
  return parsed as string[];
}

/** Behind the bracket that closes the first one. */
function listEnd(text: string): number {
  let depth = 0;
  let isInString = false;
  for (let at = 0; at < text.length; at++) {
    const character = text[at];
    if (isInString) {
      if (character === '\\') at++;
      else if (character === '"') isInString = false;
    } else if (character === '"') isInString = true;
    else if (character === '[' || character === '{') depth++;
    else if ((character === ']' || character === '}') && --depth === 0) return at + 1;
  }
  return text.length;
}
