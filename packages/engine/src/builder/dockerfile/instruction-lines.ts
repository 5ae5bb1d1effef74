// Splits a Dockerfile's text into instruction lines: parser directives, comments and continuations are settled here.
import { buildFailure } from '../build-failure.ts';

/** One instruction with its continuation lines joined. */
export interface InstructionLine {
  text: string;
  /** Where it begins, counted from 1. */
  number: number;
}

export interface DockerfileLines {
  lines: InstructionLine[];
  /** `\` or a backtick. */
  escapeToken: string;
  /** For the builder to print before the first step. */
  warnings: string[];
}

/** Docker's scanner takes no longer line, in bytes. */
const maxLineBytes = 65_535;
const directiveNames = new Set(['escape', 'syntax']);

/** Throws invalid-argument. */
export function readInstructionLines(content: string): DockerfileLines {
  const physical = physicalLines(content);
  const directives = new Directives();
  const result: DockerfileLines = { lines: [], escapeToken: '\\', warnings: [] };
  for (let at = 0; at < physical.length; at++) {
    const first = (physical[at] as string).trimStart();
    directives.look(first);
    const number = at + 1;
    let { text, isContinued } = directives.cut(withoutComment(first));
    if (!isContinued && text === '') continue;
    let hasEmptyLine = false;
    while (isContinued && at + 1 < physical.length) {
      const raw = physical[++at] as string;
      directives.look(raw);
      if (raw.trimStart().startsWith('#')) continue;
      if (raw.trim() === '') {
        hasEmptyLine = true;
        continue;
      }
      const next = directives.cut(raw);
      text += next.text;
      isContinued = next.isContinued;
    }
    if (hasEmptyLine) result.warnings.push(`[WARNING]: Empty continuation line found in:\n    ${text}`);
    refuseHeredoc(text, number, physical.slice(at + 1));
    result.lines.push({ text, number });
  }
  if (result.warnings.length > 0)
    result.warnings.push('[WARNING]: Empty continuation lines will become errors in a future release.');
  if (result.lines.length === 0) throw buildFailure('file with no instructions');
  result.escapeToken = directives.escapeToken;
  return result;
}

function physicalLines(content: string): string[] {
  const lines = content
    .replace(/^\uFEFF/, '')
    .split('\n')
    .map((line) => line.replace(/\r$/, ''));
  if (lines.at(-1) === '') lines.pop();
  if (lines.some((line) => line.length > maxLineBytes / 4 && Buffer.byteLength(line) > maxLineBytes))
    throw buildFailure(`dockerfile line greater than max allowed size of ${maxLineBytes}`);
  return lines;
}

function withoutComment(line: string): string {
  return line.startsWith('#') ? '' : line;
}

/** `# escape=` and `# syntax=` stand before everything else, each once. */
class Directives {
  escapeToken = '\\';
  #continuation = /([^\\])\\[ \t]*$|^\\[ \t]*$/;
  #isOver = false;
  readonly #seen = new Set<string>();

  look(line: string): void {
    if (this.#isOver) return;
    const match = /^#\s*([a-zA-Z][a-zA-Z0-9]*)\s*=\s*(.+?)\s*$/.exec(line);
    const name = match?.[1]?.toLowerCase() ?? '';
    if (match === null || !directiveNames.has(name)) {
      this.#isOver = true;
      return;
    }
    if (this.#seen.has(name)) throw buildFailure(`only one ${name} parser directive can be used`);
    this.#seen.add(name);
    if (name === 'escape') this.#setEscape(match[2] ?? '');
  }

  cut(line: string): { text: string; isContinued: boolean } {
    if (!this.#continuation.test(line)) return { text: line, isContinued: false };
    return { text: line.replace(this.#continuation, (_all, before?: string) => before ?? ''), isContinued: true };
  }

  #setEscape(value: string): void {
    if (value !== '`' && value !== '\\') throw buildFailure(`invalid escape token '${value}' does not match \` or \\`);
    this.escapeToken = value;
    if (value === '`') this.#continuation = /([^`])`[ \t]*$|^`[ \t]*$/;
  }
}

/** Taken for separate instructions, its lines would fail one by one with messages that say nothing. */
function refuseHeredoc(text: string, number: number, following: string[]): void {
  const match = /^\s*(RUN|COPY|ADD)\s(?:.*\s)?\d*<<-?(["']?)([A-Za-z_]\w*)\2(?:\s|$)/i.exec(text);
  const word = match?.[3];
  if (word === undefined || !following.some((line) => line.replace(/^\t+/, '') === word)) return;
  throw buildFailure(
    `dockerfile parse error line ${number}: ${match?.[1]?.toUpperCase()} <<${word}: heredocs need BuildKit, the classic builder has none`,
  );
}
