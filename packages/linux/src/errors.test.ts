// The addon boundary's mapping, over every errno name it knows and every kind of value that may be thrown.
import { constants } from 'node:os';
import { ContainerError, errorCodes } from '@tscontainer/core/errors';
import { describe, expect, it } from 'vitest';
import { type AddonErrorFields, codesByErrnoName, toContainerError } from './errors.ts';

const addonError = (fields: AddonErrorFields) => Object.assign(new Error('mount x: EINVAL'), fields);

describe('an error of the addon', () => {
  it('keeps its message, its fields and itself as the cause', () => {
    const error = addonError({ syscall: 'mount', errno: 22, errnoName: 'EINVAL', path: '/x', step: 'mount' });
    const converted = toContainerError(error);
    expect(converted).toMatchObject({ code: 'invalid-argument', message: 'mount x: EINVAL', cause: error });
    expect(converted.details).toEqual({ syscall: 'mount', errno: 22, errnoName: 'EINVAL', path: '/x', step: 'mount' });
  });

  it.each(Object.entries(codesByErrnoName))('%s is %s', (errnoName, code) => {
    expect(Object.keys(constants.errno).concat('EUSERS', 'EUCLEAN', 'EDQUOT')).toContain(errnoName);
    expect(errorCodes).toContain(code);
    expect(toContainerError(addonError({ errnoName }))).toMatchObject({ code });
  });

  it('is internal when its errno says nothing', () => {
    expect(toContainerError(addonError({ errnoName: 'EDOM' })).code).toBe('internal');
    expect(toContainerError(addonError({})).code).toBe('internal');
  });

  it('has the code that the addon chose, with its reason, and none that is not of the set', () => {
    const chosen = addonError({ errnoName: 'ENOENT', errorCode: 'invalid-argument', reason: 'executable-not-found' });
    expect(toContainerError(chosen)).toMatchObject({ code: 'invalid-argument', reason: 'executable-not-found' });
    expect(toContainerError(addonError({ errnoName: 'ENOENT', errorCode: 'nonsense' })).code).toBe('not-found');
  });

  it('is invalid-argument when the addon refused an argument', () => {
    expect(toContainerError(new TypeError('path must be a path')).code).toBe('invalid-argument');
  });

  it('passes a ContainerError, and wraps what is no error', () => {
    const own = new ContainerError('aborted', 'x');
    expect(toContainerError(own)).toBe(own);
    expect(toContainerError('text')).toMatchObject({ code: 'internal', message: 'text' });
  });
});
