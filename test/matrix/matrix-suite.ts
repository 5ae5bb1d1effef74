// The matrix as a vitest suite: every row on every column, compared with the reference column, judged by the explanations.
import { appendFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { leaksBetween, type MachineSnapshot, snapshotMachine } from '../harness/leak-check.ts';
import type { Column } from './column.ts';
import { type Difference, differences, type MaskedResult, parseJson } from './comparison.ts';
import { clearEngine, type EngineState, inOrder, readState, touched } from './engine-state.ts';
import { type Explanation, isExplainedBy } from './explanation.ts';
import { IdNames, maskText, maskValue } from './masks.ts';
import { type Row, type Topic, toRow } from './row.ts';

export interface MatrixOptions {
  /** Starts the columns; the first is the reference. */
  start(): Promise<Column[]>;
  topics: readonly Topic[];
  explanations: readonly Explanation[];
  /** Images that stay from topic to topic. */
  keepImages: readonly string[];
  /** Not all topics: explanations may have no difference here. */
  isPart?: boolean;
  /** Why it cannot run here; '' when it can. */
  reasonToSkip?: string;
}

/** A column, what it held after its last row, and the names that it has for ids. */
interface Seat {
  column: Column;
  names: IdNames;
  state: EngineState;
}

/** MATRIX_REPORT=FILE: each difference is written there as it is found, to look at many at once. */
const reportFile = process.env['MATRIX_REPORT'] ?? '';

export function describeMatrix(title: string, options: MatrixOptions): void {
  const used = new Set<Explanation>();
  let seats: Seat[] = [];
  let before: MachineSnapshot;

  const reason = options.reasonToSkip ?? '';
  describe.skipIf(reason !== '')(reason === '' ? title : `${title}: ${reason}`, () => {
    beforeAll(async () => {
      before = snapshotMachine();
      const columns = await options.start();
      seats = columns.map((column) => ({ column, names: new IdNames(), state: new Map() }));
    }, 120_000);

    afterAll(async () => {
      for (const { column } of seats) await column.stop();
      expect(leaksBetween(before, snapshotMachine())).toEqual([]);
    }, 120_000);

    for (const topic of options.topics) {
      describe(topic.name, () => {
        beforeAll(async () => {
          await Promise.all(seats.map((seat) => beginTopic(seat, topic)));
        });
        afterAll(async () => {
          await Promise.all(seats.map((seat) => endTopic(seat, options.keepImages)));
        });
        for (const row of topic.rows.map(toRow)) {
          it(row.line, async () => {
            const unexplained = await judge(seats, row, options.explanations, used);
            if (reportFile !== '')
              appendFileSync(reportFile, unexplained.map((each) => `# ${row.line}\n${each}\n`).join(''));
            expect(unexplained.join('\n'), 'differences without an explanation').toBe('');
          });
        }
      });
    }

    if (!options.isPart)
      it('has no explanation of a difference that is gone', () => {
        const unused = options.explanations.filter((each) => !used.has(each));
        expect(unused.map(({ id, line, path, theirs, ours }) => ({ id, line, path, theirs, ours }))).toEqual([]);
      });
  });
}

async function beginTopic(seat: Seat, topic: Topic): Promise<void> {
  if (topic.hasRegistry) await seat.column.startRegistry();
  seat.state = await readState(seat.column);
  seat.names.learn(seat.state);
}

async function endTopic({ column }: Seat, keepImages: readonly string[]): Promise<void> {
  await column.stopRegistry();
  await clearEngine(column, keepImages);
}

/** Runs the row everywhere and returns one line of text for each difference that nothing explains. */
async function judge(
  seats: Seat[],
  row: Row,
  explanations: readonly Explanation[],
  used: Set<Explanation>,
): Promise<string[]> {
  const results = await Promise.all(seats.map((seat) => runRow(seat, row)));
  const changed = new Set(results.flatMap(({ changedKeys }) => changedKeys.map(maskKey)));
  const masked = results.map((result, at) => maskedResult(seats[at] as Seat, result, changed, row));
  const [reference, ...others] = masked as [MaskedResult, ...MaskedResult[]];
  return others.flatMap((result, at) => {
    const { name } = (seats[at + 1] as Seat).column;
    return differences(reference, result)
      .filter((difference) => {
        const reasons = explanations.filter((each) => isExplainedBy(each, row.line, name, difference));
        for (const reason of reasons) used.add(reason);
        return reasons.length === 0;
      })
      .map((difference) => described(name, difference));
  });
}

interface RowResult {
  stdout: string;
  stderr: string;
  code: number | null;
  changedKeys: string[];
}

async function runRow(seat: Seat, row: Row): Promise<RowResult> {
  const result = await seat.column.run(row);
  const after = await readState(seat.column);
  seat.names.learn(after);
  const changedKeys = [...touched(seat.state, after).keys()];
  seat.state = after;
  return { ...result, changedKeys };
}

function maskedResult(
  { column, names, state }: Seat,
  result: RowResult,
  changed: ReadonlySet<string>,
  { isUnordered = false }: Row,
): MaskedResult {
  const text = (output: string) => {
    const value = parseJson(output);
    if (value !== undefined) return JSON.stringify(maskValue(inOrder(value), column, names));
    const masked = maskText(output, column, names);
    return isUnordered ? masked.split('\n').sort().join('\n') : masked;
  };
  return {
    stdout: text(result.stdout),
    stderr: text(result.stderr),
    code: result.code,
    state: maskedState(state, changed, (value) => maskValue(value, column, names)),
  };
}

/** One object by its name; those without a name of their own as a list. */
function maskedState(
  state: EngineState,
  wanted: ReadonlySet<string>,
  mask: (value: unknown) => unknown,
): Map<string, unknown> {
  const found = new Map<string, unknown>([...wanted].map((key) => [key, key.includes('<') ? [] : null]));
  for (const [raw, value] of state) {
    const key = maskKey(raw);
    if (!wanted.has(key)) continue;
    const list = found.get(key);
    if (Array.isArray(list)) list.push(mask(value));
    else found.set(key, mask(value));
  }
  return found;
}

/** Objects whose names are of chance share a key. */
function maskKey(key: string): string {
  return key.replace(/ sha256:.*/, '').replace(/^volume [0-9a-f]{64}$/, 'volume <anonymous>');
}

function described(column: string, { aspect, path, theirs, ours }: Difference): string {
  return `${column}: ${aspect} ${path}\n  theirs: ${theirs}\n  ours:   ${ours}`;
}
