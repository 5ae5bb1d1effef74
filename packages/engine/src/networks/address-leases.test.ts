// Leases of a network's addresses.
import { describe, expect, it } from 'vitest';
import { AddressLeases } from './address-leases.ts';
import type { IpamPool, NetworkRecord } from './network-record.ts';

function leasesOf(pool: Partial<IpamPool>): AddressLeases {
  const pools = [{ subnet: '', ipRange: '', gateway: '', auxAddresses: {}, isUserChosen: true, ...pool }];
  return new AddressLeases({ pools } as unknown as NetworkRecord);
}

describe('leases', () => {
  it('begin after the gateway and never give an address twice', () => {
    const leases = leasesOf({ subnet: '10.0.0.0/29', gateway: '10.0.0.1' });
    const given = Array.from({ length: 5 }, (_, index) => leases.lease(4, `c${index}`)?.address);
    expect(given).toEqual(['10.0.0.2', '10.0.0.3', '10.0.0.4', '10.0.0.5', '10.0.0.6']);
    expect(() => leases.lease(4, 'more')).toThrow('no available IPv4 addresses');
  });

  it('give a released address again, and only to whom it belongs no more', () => {
    const leases = leasesOf({ subnet: '10.0.0.0/24', gateway: '10.0.0.1' });
    leases.lease(4, 'a');
    leases.lease(4, 'b');
    leases.release('10.0.0.2', 'somebody else');
    expect(leases.lease(4, 'c')?.address).toBe('10.0.0.4');
    leases.release('10.0.0.2', 'a');
    expect(leases.lease(4, 'd')?.address).toBe('10.0.0.2');
  });

  it('keep to the range, and take fixed addresses from the whole subnet', () => {
    const leases = leasesOf({ subnet: '10.0.0.0/24', ipRange: '10.0.0.128/30', gateway: '10.0.0.254' });
    expect(leases.claim('10.0.0.7', 'fixed')).toEqual({ address: '10.0.0.7', prefixLength: 24, gateway: '10.0.0.254' });
    expect(leases.lease(4, 'a')?.address).toBe('10.0.0.128');
    leases.release('10.0.0.7', 'fixed');
    expect(leases.lease(4, 'b')?.address).toBe('10.0.0.129');
  });

  it('refuse what is taken, set aside or elsewhere', () => {
    const leases = leasesOf({
      subnet: '10.0.0.0/24',
      gateway: '10.0.0.1',
      auxAddresses: { router: '10.0.0.2' },
    });
    leases.claim('10.0.0.9', 'a');
    expect(() => leases.claim('10.0.0.9', 'b')).toThrow('Address already in use');
    expect(() => leases.claim('10.0.0.2', 'b')).toThrow('Address already in use');
    expect(() => leases.claim('10.0.1.9', 'b')).toThrow('does not belong to any');
    expect(leases.lease(4, 'c')?.address).toBe('10.0.0.3');
    expect(leases.count).toBe(2);
  });

  it('know IPv6', () => {
    const leases = leasesOf({ subnet: 'fd00::/64', gateway: 'fd00::1' });
    expect(leases.lease(6, 'a')).toEqual({ address: 'fd00::2', prefixLength: 64, gateway: 'fd00::1' });
    expect(leases.lease(4, 'a')).toBeUndefined();
  });
});
