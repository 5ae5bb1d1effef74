// Variables and quotes in an instruction's words, as docker's builder expands them: $x, ${x}, ${x:-y}, ${x:+y}, ${x:?y}, ${x?y}.
import { buildFailure } from '../build-failure.ts';

export type Variables = ReadonlyMap<string, string>;

/** The last of equal names counts. */
export function variablesOf(environment: readonly string[]): Map<string, string> {
  return new Map(
    environment.map((entry): [string, string] => {
      const equals = entry.indexOf('=');
      return equals < 0 ? [entry, ''] : [entry.slice(0, equals), entry.slice(equals + 1)];
    }),
  );
}

/** The word as a whole. Throws invalid-argument. */
export function expandWord(text: string, variables: Variables, escapeToken: string): string {
  return expand(text, variables, escapeToken).text;
}

/** Split at blanks that came out of variables or stood unquoted: EXPOSE alone is read so. */
export function expandWords(text: string, variables: Variables, escapeToken: string): string[] {
  return expand(text, variables, escapeToken).words;
}

function expand(text: string, variables: Variables, escapeToken: string): Expanded {
  try {
    return new Expansion([...text], variables, escapeToken).until(undefined);
  } catch (error) {
    throw buildFailure(`failed to process ${JSON.stringify(text)}: ${(error as Error).message}`, error);
  }
}

interface Expanded {
  text: string;
  words: string[];
}

class WordList {
  readonly words: string[] = [];
  #word = '';

  /** Its blanks split. */
  add(text: string): void {
    for (const character of text) {
      if (/\s/.test(character)) this.#end();
      else this.#word += character;
    }
  }

  addWhole(text: string): void {
    this.#word += text;
  }

  finish(): string[] {
    this.#end();
    return this.words;
  }

  #end(): void {
    if (this.#word !== '') this.words.push(this.#word);
    this.#word = '';
  }
}

class Expansion {
  readonly #characters: string[];
  readonly #variables: Variables;
  readonly #escapeToken: string;
  #at = 0;

  constructor(characters: string[], variables: Variables, escapeToken: string) {
    this.#characters = characters;
    this.#variables = variables;
    this.#escapeToken = escapeToken;
  }

  get #next(): string | undefined {
    return this.#characters[this.#at];
  }

  until(stop: string | undefined): Expanded {
    let text = '';
    const words = new WordList();
    for (let next = this.#next; next !== undefined; next = this.#next) {
      if (next === stop) {
        this.#at++;
        return { text, words: words.finish() };
      }
      if (next === '$') {
        const value = this.#dollar();
        text += value;
        words.add(value);
      } else if (next === "'" || next === '"') {
        const value = next === "'" ? this.#singleQuoted() : this.#doubleQuoted();
        text += value;
        words.addWhole(value);
      } else {
        this.#at++;
        if (next !== this.#escapeToken) words.add(next);
        else {
          next = this.#next;
          if (next === undefined) break;
          this.#at++;
          words.addWhole(next);
        }
        text += next;
      }
    }
    if (stop !== undefined) throw new Error(`unexpected end of statement while looking for matching ${stop}`);
    return { text, words: words.finish() };
  }

  #singleQuoted(): string {
    const end = this.#characters.indexOf("'", this.#at + 1);
    if (end < 0) throw new Error('unexpected end of statement while looking for matching single-quote');
    const text = this.#characters.slice(this.#at + 1, end).join('');
    this.#at = end + 1;
    return text;
  }

  #doubleQuoted(): string {
    let text = '';
    this.#at++;
    for (let next = this.#next; next !== undefined; next = this.#next) {
      if (next === '$') {
        text += this.#dollar();
        continue;
      }
      this.#at++;
      if (next === '"') return text;
      if (next === this.#escapeToken) {
        const escaped = this.#next;
        if (escaped === undefined) break;
        if (escaped === '"' || escaped === '$' || escaped === this.#escapeToken) {
          this.#at++;
          next = escaped;
        }
      }
      text += next;
    }
    throw new Error('unexpected end of statement while looking for matching double-quote');
  }

  #dollar(): string {
    this.#at++;
    if (this.#next !== '{') {
      const name = this.#name();
      return name === '' ? '$' : (this.#variables.get(name) ?? '');
    }
    this.#at++;
    const first = this.#next;
    if (first === undefined) throw new Error("syntax error: missing '}'");
    if (first === '{' || first === '}' || first === ':') throw new Error('syntax error: bad substitution');
    const name = this.#name();
    const sign = this.#characters[this.#at++];
    const value = this.#variables.get(name);
    if (sign === '}') return value ?? '';
    if (sign === '?') return this.#demanded(name, value, this.#operand(), false);
    if (sign !== ':') throw new Error("missing ':' in substitution");
    const modifier = this.#characters[this.#at++];
    const operand = this.#operand();
    if (modifier === '+') return value ? operand : (value ?? '');
    if (modifier === '-') return value || operand;
    if (modifier === '?') return this.#demanded(name, value, operand, true);
    throw new Error(`unsupported modifier (${modifier ?? '\uFFFD'}) in substitution`);
  }

  #operand(): string {
    try {
      return this.until('}').text;
    } catch (error) {
      throw this.#next === undefined ? new Error("syntax error: missing '}'") : error;
    }
  }

  #demanded(name: string, value: string | undefined, message: string, refusesEmpty: boolean): string {
    if (value === undefined) throw new Error(`${name}: ${message || 'is not allowed to be unset'}`);
    if (value === '' && refusesEmpty) throw new Error(`${name}: ${message || 'is not allowed to be empty'}`);
    return value;
  }

  /** Letters, digits and `_`; digits alone, or one of the shell's special parameters. */
  #name(): string {
    const first = this.#next ?? '';
    const isNumber = /\p{Nd}/u.test(first);
    if (!isNumber && /[@*#?\-$!]/.test(first)) {
      this.#at++;
      return first;
    }
    const belongs = isNumber ? /\p{Nd}/u : /[\p{L}\p{Nd}_]/u;
    const start = this.#at;
    while (this.#next !== undefined && belongs.test(this.#next)) this.#at++;
    return this.#characters.slice(start, this.#at).join('');
  }
}
