// Reads what a conformance program printed in TAP: its test points, and what it says went wrong. Used by both suites.

export type Outcome = 'pass' | 'fail' | 'skip';

export interface TestResult {
  name: string;
  outcome: Outcome;
  /** The first thing that went wrong, or why it was skipped; empty for a pass. */
  reason: string;
}

export interface TapPoint {
  isOk: boolean;
  description: string;
  skipReason: string | undefined;
  /** The comment or diagnostic lines below the point. */
  detail: string[];
}

/** The points in the order they were printed. A point's number is dropped: some programs count wrongly. */
export function tapPoints(output: string): TapPoint[] {
  const points: TapPoint[] = [];
  for (const line of output.split(/\r?\n/)) {
    const match = /^(not )?ok\b\s*\d*\s*(?:- )?(.*)$/.exec(line);
    if (match === null) {
      points.at(-1)?.detail.push(line);
      continue;
    }
    const [description = '', skipReason] = (match[2] ?? '').split(/\s*# skip\s*/i);
    points.push({ isOk: match[1] === undefined, description, skipReason, detail: [] });
  }
  return points;
}

/** The values of `"error":` in the diagnostics, without the empty ones. */
export function diagnosticErrors(output: string): string[] {
  return [...output.matchAll(/^\s*"error": ("(?:[^"\\]|\\.)*")/gm)]
    .map((match) => String(JSON.parse(match[1] ?? '""')))
    .filter((text) => text !== '');
}

/** One line, short enough for a table's cell. */
export function oneLine(text: string, maxLength = 160): string {
  const line = text.replace(/\s+/g, ' ').trim();
  return line.length <= maxLength ? line : `${line.slice(0, maxLength - 1)}…`;
}
