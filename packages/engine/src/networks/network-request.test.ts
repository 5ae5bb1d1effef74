// What is refused of a network's options.
import { describe, expect, it } from 'vitest';
import { bridgeOption } from './network-record.ts';
import { decodeNetworkRequest } from './network-request.ts';

const decode = (Options: Record<string, string>) => decodeNetworkRequest({ Name: 'net', Options });

describe('options of a bridge network', () => {
  it.each([bridgeOption.icc, bridgeOption.masquerade])('%s is a bool as Go reads it', (option) => {
    for (const text of ['', '0', 'F', 'False', 'true', 'T'])
      expect(decode({ [option]: text }).options[option]).toBe(text);
    for (const text of ['perhaps', 'no', 'tRUE']) expect(() => decode({ [option]: text })).toThrow('ParseBool');
  });
});
