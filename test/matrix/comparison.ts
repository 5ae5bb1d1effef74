// Finds where two results of one line differ: hunks of text, paths of JSON, the exit code. matrix-suite.ts judges them.

/** One place where ours is other than theirs. */
export interface Difference {
  /** `stdout`, `stderr`, `code`, or `state`. */
  aspect: 'stdout' | 'stderr' | 'code' | 'state';
  /** Of JSON: `container web .HostConfig.Binds`, or `.[0].State` in stdout; '' for text. */
  path: string;
  theirs: string;
  ours: string;
}

export interface MaskedResult {
  stdout: string;
  stderr: string;
  code: number | null;
  /** By object, already masked; null for what is gone. */
  state: ReadonlyMap<string, unknown>;
}

export function differences(theirs: MaskedResult, ours: MaskedResult): Difference[] {
  const found: Difference[] = [];
  if (theirs.code !== ours.code)
    found.push({ aspect: 'code', path: '', theirs: String(theirs.code), ours: String(ours.code) });
  found.push(...outputDifferences('stdout', theirs.stdout, ours.stdout));
  found.push(...outputDifferences('stderr', theirs.stderr, ours.stderr));
  const objects = new Set([...theirs.state.keys(), ...ours.state.keys()]);
  for (const object of objects) {
    for (const each of valueDifferences(theirs.state.get(object), ours.state.get(object)))
      found.push({ ...each, aspect: 'state', path: `${object} ${each.path}` });
  }
  return found;
}

/** JSON is compared as such, so that one field is one difference. */
function outputDifferences(aspect: 'stdout' | 'stderr', theirs: string, ours: string): Difference[] {
  if (theirs === ours) return [];
  const left = parseJson(theirs);
  const right = parseJson(ours);
  if (left !== undefined && right !== undefined)
    return valueDifferences(left, right).map((each) => ({ ...each, aspect }));
  return hunks(theirs.split('\n'), ours.split('\n')).map((hunk) => ({ aspect, path: '', ...hunk }));
}

/** One document, or one per line. */
export function parseJson(text: string): unknown {
  if (!/^\s*[[{]/.test(text)) return undefined;
  for (const document of [text, `[${text.trim().split('\n').join(',')}]`]) {
    try {
      return JSON.parse(document);
    } catch {
      // the next form, or text
    }
  }
  return undefined;
}

function valueDifferences(theirs: unknown, ours: unknown, path = ''): Omit<Difference, 'aspect'>[] {
  const [left, right] = [JSON.stringify(theirs), JSON.stringify(ours)];
  if (left === right) return [];
  if (!isContainer(theirs) || !isContainer(ours) || Array.isArray(theirs) !== Array.isArray(ours))
    return [{ path, theirs: left ?? '<absent>', ours: right ?? '<absent>' }];
  const keys = new Set([...Object.keys(theirs), ...Object.keys(ours)]);
  return [...keys].flatMap((key) =>
    valueDifferences(
      (theirs as any)[key],
      (ours as any)[key],
      Array.isArray(theirs) ? `${path}[${key}]` : `${path}.${key}`,
    ),
  );
}

function isContainer(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}

/** The runs of lines in which two texts differ, by their longest common subsequence. */
export function hunks(theirs: readonly string[], ours: readonly string[]): { theirs: string; ours: string }[] {
  const common = commonLengths(theirs, ours);
  const found: { theirs: string[]; ours: string[] }[] = [];
  let open: { theirs: string[]; ours: string[] } | undefined;
  const current = () => {
    if (open === undefined) {
      open = { theirs: [], ours: [] };
      found.push(open);
    }
    return open;
  };
  for (let left = 0, right = 0; left < theirs.length || right < ours.length; ) {
    if (left < theirs.length && right < ours.length && theirs[left] === ours[right]) {
      open = undefined;
      left += 1;
      right += 1;
    } else if (
      right >= ours.length ||
      (left < theirs.length && at(common, left + 1, right) >= at(common, left, right + 1))
    ) {
      current().theirs.push(theirs[left] ?? '');
      left += 1;
    } else {
      current().ours.push(ours[right] ?? '');
      right += 1;
    }
  }
  return found.map((hunk) => ({ theirs: hunk.theirs.join('\n'), ours: hunk.ours.join('\n') }));
}

function at(table: readonly number[][], row: number, column: number): number {
  return table[row]?.[column] ?? 0;
}

/** [i][j]: the common lines of `theirs` from i on and `ours` from j on. */
function commonLengths(theirs: readonly string[], ours: readonly string[]): number[][] {
  const table = Array.from({ length: theirs.length + 1 }, () => new Array<number>(ours.length + 1).fill(0));
  for (let left = theirs.length - 1; left >= 0; left -= 1) {
    for (let right = ours.length - 1; right >= 0; right -= 1) {
      const row = table[left] as number[];
      row[right] =
        theirs[left] === ours[right]
          ? at(table, left + 1, right + 1) + 1
          : Math.max(at(table, left + 1, right), at(table, left, right + 1));
    }
  }
  return table;
}
