// Cuts a filter into tokens by containerd's rules: what a character means depends on whether a value is expected. For filter.ts.

export interface Token {
  kind: 'end' | 'field' | 'value' | 'quoted' | 'separator' | 'operator' | 'illegal';
  text: string;
  at: number;
  end: number;
  /** Of an illegal token, when there is more to say. */
  error?: string;
}

const quotes = '"/|';
const legalEscape = /^\\(?:[abfnrtv\\]|[0-7]{3}|x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8})/;
const longestEscape = 10;
const operatorCharacters = '=!~';
const fieldCharacter = /[\p{L}\p{Nd}_]/u;
const valueCharacter = /[^\s,]/u;

export class FilterScanner {
  readonly text: string;
  #at = 0;
  #isValueExpected = false;

  constructor(text: string) {
    this.text = text;
  }

  /** The next character as it stands, white space too; '' at the end. */
  peek(): string {
    return this.#characterAt(this.#at);
  }

  /** What is left, as one token: for an error's place. */
  rest(): Token {
    return { kind: 'illegal', text: this.peek(), at: this.#at, end: this.#at + this.peek().length };
  }

  scan(): Token {
    while (/\s/u.test(this.peek())) this.#at += 1;
    const at = this.#at;
    const next = this.peek();
    if (next === '') return this.#token('end', at);
    if (quotes.includes(next)) return this.#quoted(at, next);
    if (next === ',' || next === '.') {
      this.#at += 1;
      this.#isValueExpected = false;
      return this.#token('separator', at);
    }
    if (operatorCharacters.includes(next)) {
      this.#skip((character) => operatorCharacters.includes(character));
      this.#isValueExpected = true;
      return this.#token('operator', at);
    }
    if (this.#isValueExpected) {
      this.#skip((character) => valueCharacter.test(character));
      this.#isValueExpected = false;
      return this.#token('value', at);
    }
    if (!fieldCharacter.test(next)) {
      this.#at += next.length;
      return this.#token('illegal', at);
    }
    this.#skip((character) => fieldCharacter.test(character));
    return this.#token('field', at);
  }

  #quoted(at: number, quote: string): Token {
    this.#at += 1;
    for (;;) {
      const next = this.peek();
      if (next === '') return { ...this.#token('illegal', at), error: 'quoted literal not terminated' };
      if (next === '\\' && !this.#takeEscape(quote))
        return { ...this.#token('illegal', at), error: 'illegal escape sequence' };
      if (next !== '\\') this.#at += next.length;
      if (next === quote) break;
    }
    this.#isValueExpected = false;
    return this.#token('quoted', at);
  }

  /** False for one that Go does not have; a quote may be escaped inside its own kind alone. */
  #takeEscape(quote: string): boolean {
    const [found] = legalEscape.exec(this.text.slice(this.#at, this.#at + longestEscape)) ?? [];
    const isQuote = this.text[this.#at + 1] === quote;
    if (found === undefined && !isQuote) return false;
    this.#at += isQuote ? 2 : (found?.length ?? 0);
    return true;
  }

  #skip(isPart: (character: string) => boolean): void {
    for (let next = this.peek(); next !== '' && isPart(next); next = this.peek()) this.#at += next.length;
  }

  #characterAt(at: number): string {
    const code = this.text.codePointAt(at);
    return code === undefined ? '' : String.fromCodePoint(code);
  }

  #token(kind: Token['kind'], at: number): Token {
    return { kind, text: this.text.slice(at, this.#at), at, end: this.#at };
  }
}
