// Addresses and subnets as numbers.
import { describe, expect, it } from 'vitest';
import {
  contains,
  formatAddress,
  formatSubnet,
  lastAddress,
  overlaps,
  parseAddress,
  parseSubnet,
} from './ip-address.ts';

function roundTrip(text: string): string {
  const address = parseAddress(text);
  return address === undefined ? 'none' : formatAddress(address);
}

function subnet(text: string) {
  const parsed = parseSubnet(text);
  if (parsed === undefined) throw new Error(`${text} is no subnet`);
  return parsed;
}

describe('an address', () => {
  it.each([
    ['10.0.0.1', '10.0.0.1'],
    ['255.255.255.255', '255.255.255.255'],
    ['fd00:0:0:0:0:0:0:1', 'fd00::1'],
    ['::', '::'],
    ['::1', '::1'],
    ['1:0:0:2:0:0:0:3', '1:0:0:2::3'],
    ['2001:db8::ffff:0:0', '2001:db8::ffff:0:0'],
    ['::ffff:10.1.2.3', '::ffff:a01:203'],
    ['fe80::1%eth0', 'fe80::1'],
    ['1:2:3:4:5:6:7:8', '1:2:3:4:5:6:7:8'],
  ])('%s is printed as %s', (text, expected) => expect(roundTrip(text)).toBe(expected));

  it.each(['', 'x', '1.2.3', '1.2.3.256', '1::2::3', '10.0.0.1/8'])('is not %j', (text) =>
    expect(parseAddress(text)).toBeUndefined(),
  );
});

describe('a subnet', () => {
  it('drops the host part', () => expect(formatSubnet(subnet('10.1.2.3/16'))).toBe('10.1.0.0/16'));
  it('ends with its broadcast address', () =>
    expect(formatAddress({ version: 4, value: lastAddress(subnet('10.1.2.0/23')) })).toBe('10.1.3.255'));

  it('overlaps what it holds and what holds it', () => {
    expect(overlaps(subnet('10.0.0.0/8'), subnet('10.1.0.0/16'))).toBe(true);
    expect(overlaps(subnet('10.1.0.0/16'), subnet('10.0.0.0/8'))).toBe(true);
    expect(overlaps(subnet('10.1.0.0/16'), subnet('10.2.0.0/16'))).toBe(false);
    expect(overlaps(subnet('0.0.0.0/0'), subnet('::/0'))).toBe(false);
  });

  it('contains its addresses only', () => {
    const address = parseAddress('fd00::5');
    if (address === undefined) throw new Error('no address');
    expect(contains(subnet('fd00::/64'), address)).toBe(true);
    expect(contains(subnet('fd00:0:0:1::/64'), address)).toBe(false);
  });

  it.each(['10.0.0.0/33', '10.0.0.0', '10.0.0.0/x', 'x/8', 'fd00::/129'])('is not %j', (text) =>
    expect(parseSubnet(text)).toBeUndefined(),
  );
});
