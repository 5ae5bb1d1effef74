// Holds docs/errors.md against the code, both ways: every code with its numbers, every reason that the source says.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ContainerError, errorCodes } from '@tscontainer/core/errors';
import { httpStatusOf } from '@tscontainer/engine/http/http-status';
import { codeFromGrpcStatus, grpcStatusFromCode } from '@tscontainer/platform/grpc-status';
import { describe, expect, it } from 'vitest';
import { repositoryFiles, repositoryRoot } from './harness/repository.ts';

const document = readFileSync(join(repositoryRoot, 'docs/errors.md'), 'utf8');

/** The rows of the table under a heading: cells without back-ticks. */
function rowsUnder(heading: string): string[][] {
  const section = document.split(`## ${heading}\n`)[1]?.split('\n## ')[0] ?? '';
  return section
    .split('\n')
    .filter((line) => line.startsWith('| `'))
    .map((line) =>
      line
        .split('|')
        .slice(1, -1)
        .map((cell) => cell.trim().replaceAll('`', '')),
    );
}

function reasonsInSource(): string[] {
  const found = new Set<string>();
  for (const path of repositoryFiles().filter(
    (file) => /^packages\/.*\.ts$/.test(file) && !file.endsWith('.test.ts'),
  )) {
    const text = readFileSync(join(repositoryRoot, path), 'utf8');
    for (const match of text.matchAll(/\breason: '([a-z0-9-]+)'/g)) found.add(match[1] ?? '');
  }
  return [...found].sort();
}

describe('docs/errors.md', () => {
  it('lists every code with the number that each boundary gives it', () => {
    const documented = rowsUnder('Codes').map(([code, grpc, http]) => [code, Number(grpc), Number(http)]);
    const actual = errorCodes.map((code) => [
      code,
      grpcStatusFromCode(code),
      httpStatusOf(new ContainerError(code, 'x')),
    ]);
    expect(documented).toEqual(actual);
    expect(errorCodes.map((code) => codeFromGrpcStatus(grpcStatusFromCode(code)))).toEqual([...errorCodes]);
  });

  it('lists every reason that the source says, and no other', () => {
    expect(rowsUnder('Reasons').map(([reason]) => reason)).toEqual(reasonsInSource());
  });
});
