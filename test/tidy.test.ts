// The style that no linter knows: openings, names, sizes. The counts are ratchets: lower them, never raise them.
import { readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { repositoryFiles, repositoryRoot } from './harness/repository.ts';

const handWritten = repositoryFiles().filter(
  (path) => /^(packages|addon|scripts|test)\/.*\.(ts|cc|h)$/.test(path) && !path.includes('/contracts/'),
);
const text = (path: string) => readFileSync(join(repositoryRoot, path), 'utf8');
const lines = (path: string) => text(path).split('\n').length;

const bannedNames = /^(utils?|helpers?|misc|impl|common|data|stuff)\b|-(utils?|helpers?|impl)\b/;
/** Longest file allowed, in lines. */
const maxLines = 500;

describe('tidy', () => {
  it('opens every file with a sentence that says what it owns', () => {
    const broken = handWritten.filter((path) => !/^(#!.*\n)?(\/\/|\/\*)/.test(text(path)));
    expect(broken).toEqual([]);
  });

  it('names files in kebab-case and never after nothing', () => {
    const broken = handWritten.filter((path) => {
      const stem = basename(path).replace(/(\.test|\.d)?\.(ts|cc|h)$/, '');
      return !/^[a-z0-9]+(-[a-z0-9]+)*$/.test(stem) || bannedNames.test(stem);
    });
    expect(broken).toEqual([]);
  });

  it(`keeps files under ${maxLines} lines`, () => {
    expect(handWritten.filter((path) => lines(path) > maxLines).map((path) => `${path}: ${lines(path)}`)).toEqual([]);
  });

  it('has named exports only', () => {
    const broken = handWritten.filter((path) => path.startsWith('packages/') && /^export default /m.test(text(path)));
    expect(broken).toEqual([]);
  });

  it('silences no error', () => {
    const broken = handWritten.filter(
      (path) => path.endsWith('.ts') && /catch\s*(\([^)]*\))?\s*\{\s*\}/.test(text(path)),
    );
    expect(broken).toEqual([]);
  });

  it('skips no test without its reason', () => {
    const broken = handWritten.filter(
      (path) =>
        path.endsWith('.test.ts') &&
        path !== 'test/tidy.test.ts' &&
        /\b(it|describe|test)\.(skip|todo|only)\(/.test(text(path)),
    );
    expect(broken).toEqual([]);
  });
});
