// docs/compatibility.md and the explanations name the same differences: none is explained without its reason, none is stale.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { repositoryRoot } from '../harness/repository.ts';
import { explanations } from './explanations.ts';
import { splitWords, toRow } from './row.ts';
import { topics } from './topics/all.ts';

const rows = topics.flatMap((topic) => topic.rows.map(toRow));

/** The first cell of each row below `Command lines`, without its code marks. */
function documented(): string[] {
  const text = readFileSync(join(repositoryRoot, 'docs/compatibility.md'), 'utf8');
  const section = text.split(/^## /m).find((each) => each.startsWith('Command lines\n')) ?? '';
  return [...section.matchAll(/^\| `([a-z0-9-]+)` \|/gm)].map((match) => match[1] ?? '');
}

describe('docs/compatibility.md', () => {
  it('has a row for each difference that is explained, and no other', () => {
    const used = new Set(explanations.map(({ id }) => id));
    expect(documented().sort()).toEqual([...used].sort());
  });

  it('names no difference twice', () => {
    expect(new Set(documented()).size).toBe(documented().length);
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
