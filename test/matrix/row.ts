// The shape of the matrix's data: topics of docker command lines, and how a line is split into words. topics/ holds the data.

/** A command line without the program's name, words and quotes as in a shell. `$DIR` is the column's own directory. */
export interface Row {
  line: string;
  /** What the command reads on standard input. */
  input?: string;
  env?: Record<string, string>;
  /** Lines that engines may give in any order. */
  isUnordered?: boolean;
  /** After the line: waits until each container is in that state: `web exited`, `web healthy`, `web gone`. */
  settle?: string[];
  /** Run by a shell, not by the client: looks at what the client has written. `$CLI` is the client. */
  isShell?: boolean;
  /** DOCKER_HOST is not set. */
  isWithoutHost?: boolean;
  /** Milliseconds for the line; default 60 s. */
  timeoutMs?: number;
}

export interface Topic {
  name: string;
  rows: readonly (string | Row)[];
  /** A registry at 127.0.0.1:5000 in the engine's namespace, empty at first. */
  hasRegistry?: boolean;
}

export function toRow(row: string | Row): Row {
  return typeof row === 'string' ? { line: row } : row;
}

/** Throws when a quote stays open. */
export function splitWords(line: string): string[] {
  const words: string[] = [];
  let word: string | undefined;
  let quote = '';
  for (let at = 0; at < line.length; at += 1) {
    const letter = line.charAt(at);
    if (quote !== '') {
      if (letter === quote) quote = '';
      else if (letter === '\\' && quote === '"' && '"\\'.includes(line.charAt(at + 1))) {
        at += 1;
        word += line.charAt(at);
      } else word += letter;
    } else if (letter === "'" || letter === '"') {
      quote = letter;
      word ??= '';
    } else if (letter === ' ') {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else word = (word ?? '') + letter;
  }
  if (quote !== '') throw new Error(`matrix line with an open ${quote}: ${line}`);
  if (word !== undefined) words.push(word);
  return words;
}
