// Tests the reading of WWW-Authenticate headers as registries send them.
import { expect, it } from 'vitest';
import { parseChallenges } from './auth-challenge.ts';

it('reads a bearer challenge with commas inside quotes', () => {
  const header = 'Bearer realm="https://auth.example/token",service="registry",scope="repository:a/b:pull,push"';
  expect(parseChallenges(header)).toEqual([
    {
      scheme: 'bearer',
      parameters: { realm: 'https://auth.example/token', service: 'registry', scope: 'repository:a/b:pull,push' },
    },
  ]);
});

it('reads several challenges of one header', () => {
  expect(parseChallenges('Basic realm="one \\"two\\"", Bearer realm=x, service=y')).toEqual([
    { scheme: 'basic', parameters: { realm: 'one "two"' } },
    { scheme: 'bearer', parameters: { realm: 'x', service: 'y' } },
  ]);
});

it('gives up on what is no challenge', () => {
  expect(parseChallenges('')).toEqual([]);
  expect(parseChallenges('"?"')).toEqual([]);
});
