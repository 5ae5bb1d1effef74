// Docker's table of cp: what is copied, and what is at the target.
import { describe, expect, it } from 'vitest';
import { copiesContent, targetOf } from './copy-target.ts';

const file = { path: '/a/f', isDirectory: false, name: 'f' };
const directory = { path: '/a/d', isDirectory: true, name: 'd' };
const content = { path: '/a/d/.', isDirectory: true, name: 'd' };
const always = () => true;

describe('targetOf', () => {
  it.each([
    [file, '/t', 'directory', { directory: '/t', name: 'f' }],
    [file, '/t', 'file', { directory: '/', name: 't' }],
    [file, '/t/new', undefined, { directory: '/t', name: 'new' }],
    [directory, '/t', 'directory', { directory: '/t', name: 'd' }],
    [directory, '/t/new/', undefined, { directory: '/t', name: 'new' }],
    [content, '/t', 'directory', { directory: '/t', name: '.' }],
    [content, '/t/new', undefined, { directory: '/t', name: 'new' }],
  ] as const)('%j to %s (%s)', (source, target, kind, place) => {
    expect(targetOf(source, target, kind, always)).toEqual(place);
  });

  it('refuses what makes no sense', () => {
    expect(() => targetOf(directory, '/t', 'file', always)).toThrow('cannot copy directory');
    expect(() => targetOf(file, '/t/', undefined, always)).toThrow('no such directory');
    expect(() => targetOf(file, '/t/x', undefined, () => false)).toThrow('does not exist');
  });
});

describe('copiesContent', () => {
  it.each([
    ['.', true],
    ['/a/.', true],
    ['/a/..', false],
    ['/a', false],
  ])('%s: %s', (path, expected) => expect(copiesContent(path)).toBe(expected));
});
