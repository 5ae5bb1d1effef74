// Tests what X-Registry-Auth may hold, and what it may not.
import { expect, it } from 'vitest';
import { parseRegistryAuthHeader } from './credentials.ts';

const header = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');

it('reads each of docker’s ways to say who one is', () => {
  expect(parseRegistryAuthHeader(header({ username: 'u', password: 'p', serveraddress: 's' }))).toEqual({
    username: 'u',
    password: 'p',
  });
  expect(parseRegistryAuthHeader(header({ auth: Buffer.from('u:p:q').toString('base64') }))).toEqual({
    username: 'u',
    password: 'p:q',
  });
  expect(parseRegistryAuthHeader(header({ identitytoken: 't' }))).toEqual({ identityToken: 't' });
  expect(parseRegistryAuthHeader(header({ registrytoken: 't' }))).toEqual({ registryToken: 't' });
});

it('is nobody without a header or with an empty one', () => {
  for (const value of [undefined, '', header({}), header({ username: '' })])
    expect(parseRegistryAuthHeader(value)).toBeUndefined();
});

it('refuses what is no JSON object', () => {
  for (const value of ['%%%', header(null), header('x')])
    expect(() => parseRegistryAuthHeader(value)).toThrow('invalid X-Registry-Auth header');
});
