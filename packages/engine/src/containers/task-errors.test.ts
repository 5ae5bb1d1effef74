// Start failures in docker's words and codes, from our runtime and from runc.
import { ContainerError } from '@tscontainer/core/errors';
import { describe, expect, it } from 'vitest';
import { execFailure, startFailure } from './task-errors.ts';

const operation = 'failed to create task for container';

describe('startFailure', () => {
  it('knows our runtime’s reasons', () => {
    const failure = startFailure(
      operation,
      'foo',
      new ContainerError(
        'not-found',
        'start x: exec: "foo": executable file not found in $PATH: ENOENT (No such file or directory)',
        { reason: 'executable-not-found' },
      ),
    );
    expect(failure.exitCode).toBe(127);
    expect(failure.error.message).toBe(`${operation}: exec: "foo": executable file not found in $PATH`);
    expect(
      startFailure(operation, '/etc', new ContainerError('permission-denied', 'x', { reason: 'not-executable' }))
        .exitCode,
    ).toBe(126);
  });

  it('knows runc’s words', () => {
    const message =
      'OCI runtime create failed: container_linux.go:380: starting container process caused: exec: "foo": executable file not found in $PATH: unknown';
    expect(startFailure(operation, 'foo', new ContainerError('unknown', message))).toMatchObject({
      exitCode: 127,
      error: { message: `${operation}: exec: "foo": executable file not found in $PATH` },
    });
    const denied =
      'runc create failed: unable to start container process: exec: "/etc/passwd": permission denied: unknown';
    expect(startFailure(operation, '/etc/passwd', new ContainerError('unknown', denied)).exitCode).toBe(126);
  });

  it('calls anything else 128 and keeps its text', () => {
    expect(startFailure(operation, 'sh', new ContainerError('resource-exhausted', 'no space'))).toMatchObject({
      exitCode: 128,
      error: { code: 'resource-exhausted', message: `${operation}: no space` },
    });
  });
});

describe('execFailure', () => {
  it('is 127 for a directory that is not there, in runc’s words', () => {
    const missing = new ContainerError(
      'failed-precondition',
      'exec a in container b: change directory /no: ENOENT (No such file or directory)',
    );
    expect(execFailure('pwd', missing)).toMatchObject({ exitCode: 127 });
    expect(execFailure('pwd', missing).error.message).toContain(
      'chdir to cwd ("/no") set in config.json failed: no such file or directory',
    );
    expect(execFailure('x', new ContainerError('internal', 'no room')).exitCode).toBe(128);
    expect(execFailure('x', new Error('exec: "x": executable file not found in $PATH')).exitCode).toBe(127);
  });
});
