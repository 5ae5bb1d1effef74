// What an explanation of a difference is, and which differences it covers; explanations-*.ts hold them, matrix-suite.ts asks.
import type { Difference } from './comparison.ts';

export interface Explanation {
  /** The row of docs/compatibility.md. */
  id: string;
  /** Columns in which it may occur; all when absent. */
  column?: RegExp;
  /** Lines in which it may occur; all when absent. */
  line?: RegExp;
  /** Any when absent. */
  aspect?: Difference['aspect'];
  /** Of JSON and state. */
  path?: RegExp;
  theirs?: RegExp;
  ours?: RegExp;
  /** The same but for capital letters. */
  isCaseOnly?: boolean;
}

export function isExplainedBy(
  { column, line, aspect, path, theirs, ours, isCaseOnly }: Explanation,
  rowLine: string,
  rowColumn: string,
  difference: Difference,
): boolean {
  return (
    (aspect === undefined || aspect === difference.aspect) &&
    (column?.test(rowColumn) ?? true) &&
    (line?.test(rowLine) ?? true) &&
    (path?.test(difference.path) ?? true) &&
    (theirs?.test(difference.theirs) ?? true) &&
    (ours?.test(difference.ours) ?? true) &&
    (isCaseOnly !== true || difference.theirs.toLowerCase() === difference.ours.toLowerCase())
  );
}

export const tsctl = /^tsctl/;
export const absent = /^<absent>$/;
export const nothing = /^$/;

/** A field, in what `inspect` prints and in the state. */
export function field(id: string, path: RegExp, values: Partial<Explanation> = {}): Explanation {
  return { id, path, ...values };
}

/** A line that is refused on one side: its exit code, its words, what it would have made. */
export function refused(id: string, line: RegExp, column?: RegExp): Explanation {
  return { id, line, ...(column === undefined ? {} : { column }) };
}

/** The same words in another form. */
export function words(id: string, theirs: RegExp, ours: RegExp, more: Partial<Explanation> = {}): Explanation {
  return { id, aspect: 'stderr', theirs, ours, ...more };
}
