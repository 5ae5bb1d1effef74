// docs/compatibility.md and the explanations name the same differences: none is explained without its reason, none is stale.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { repositoryRoot } from '../harness/repository.ts';
import { explanations20 } from './explanations-20.ts';
import { explanations28 } from './explanations-28.ts';
import { splitWords, toRow } from './row.ts';
import { topics } from './topics/all.ts';

const rows = topics.flatMap((topic) => topic.rows.map(toRow));

interface Documented {
  id: string;
  kind: string;
  /** `20.10, 28`. */
  from: string;
}

/** The rows below `Command lines`, without their code marks. */
function documented(): Documented[] {
  const text = readFileSync(join(repositoryRoot, 'docs/compatibility.md'), 'utf8');
  const section = text.split(/^## /m).find((each) => each.startsWith('Command lines\n')) ?? '';
  return [...section.matchAll(/^\| `([a-z0-9-]+)` \| ([a-z]+) \| ([0-9., ]+) \|/gm)].map(
    ([, id = '', kind = '', from = '']) => ({ id, kind, from }),
  );
}

const ids = (explanations: readonly { id: string }[]) => [...new Set(explanations.map(({ id }) => id))].sort();
const rowsOf = (client: RegExp) =>
  documented()
    .filter(({ from }) => client.test(from))
    .map(({ id }) => id)
    .sort();

describe('docs/compatibility.md', () => {
  it.each([
    ['20.10', ids(explanations20), rowsOf(/20\.10/)],
    ['28', ids(explanations28), rowsOf(/28/)],
  ])('has a row for each difference from %s that is explained, and no other', (_, explained, found) => {
    expect(found).toEqual(explained);
  });

  it('names no difference twice', () => {
    const found = documented().map(({ id }) => id);
    expect(new Set(found).size).toBe(found.length);
  });

  it('calls nothing newer that Docker 28 does not do either', () => {
    expect(documented().filter(({ kind, from }) => kind === 'newer' && from.includes('28'))).toEqual([]);
  });
});

describe('the matrix', () => {
  it('has at least 150 command lines', () => {
    expect(rows.filter((row) => row.isShell !== true).length).toBeGreaterThanOrEqual(150);
  });

  it('has no line with an open quote', () => {
    for (const row of rows) if (row.isShell !== true) splitWords(row.line);
  });
});
