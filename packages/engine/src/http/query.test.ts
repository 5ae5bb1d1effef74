// Query parameters and API versions as the Engine API writes them.
import { describe, expect, it } from 'vitest';
import { checkVersion, isAtLeast, splitVersion } from './api-version.ts';
import { queryBool, queryFilters, queryInt } from './query.ts';

describe('queryBool', () => {
  it.each(['', '0', 'no', 'false', 'none', 'False', ' NO '])('takes %j for false', (value) =>
    expect(queryBool({ x: value }, 'x')).toBe(false),
  );
  it.each(['1', 'true', 'yes', 'anything'])('takes %j for true', (value) =>
    expect(queryBool({ x: value }, 'x')).toBe(true),
  );
  it('has a fallback', () => expect(queryBool({}, 'x', true)).toBe(true));
});

describe('queryInt', () => {
  it('refuses what is no number', () => expect(() => queryInt({ t: 'soon' }, 't')).toThrow('t'));
  it('is undefined when missing', () => expect(queryInt({}, 't')).toBeUndefined());
});

describe('queryFilters', () => {
  it('reads both forms', () => {
    expect(queryFilters({ filters: '{"label":["a","b=c"]}' }, ['label']).get('label')).toEqual(['a', 'b=c']);
    expect(queryFilters({ filters: '{"label":{"a":true,"b":false}}' }, ['label']).get('label')).toEqual(['a']);
  });

  it('refuses unknown names and broken JSON', () => {
    expect(() => queryFilters({ filters: '{"bad":["x"]}' }, ['label'])).toThrow("invalid filter 'bad'");
    expect(() => queryFilters({ filters: '{' }, [])).toThrow('invalid filter');
  });

  it('matches labels by key and by value', () => {
    const filters = queryFilters({ filters: '{"label":["a","b=c"]}' }, ['label']);
    expect(filters.matchesLabels({ a: '', b: 'c' })).toBe(true);
    expect(filters.matchesLabels({ a: '', b: 'd' })).toBe(false);
  });
});

describe('API versions', () => {
  it('are split from the path', () => {
    expect(splitVersion('/v1.41/containers/json?all=1')).toEqual({ version: '1.41', path: '/containers/json?all=1' });
    expect(splitVersion('/volumes/v1.41')).toEqual({ version: '1.51', path: '/volumes/v1.41' });
  });

  it('are compared as numbers', () => {
    expect(isAtLeast('1.100', '1.51')).toBe(true);
    expect(isAtLeast('1.9', '1.24')).toBe(false);
  });

  it('have bounds', () => {
    expect(() => checkVersion('1.99')).toThrow('client version 1.99 is too new. Maximum supported API version is 1.51');
    expect(() => checkVersion('1.12')).toThrow('is too old');
    expect(() => checkVersion('1.24')).not.toThrow();
  });
});
