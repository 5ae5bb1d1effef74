// What networks refuse of endpoints, in docker 28's words: those of dockerd 28.5 for the same requests.
import { describe, expect, it } from 'vitest';
import { checkEndpoint, checkEndpoints } from './endpoint-rules.ts';
import type { NetworkManager } from './network-manager.ts';
import { emptyEndpointRequest, type NetworkRecord } from './network-record.ts';
import { predefinedRecord } from './predefined-networks.ts';

function network(name: string, subnets: string[], isUserChosen = true): NetworkRecord {
  const pools = subnets.map((subnet) => ({ subnet, ipRange: '', gateway: '', auxAddresses: {}, isUserChosen }));
  return { ...predefinedRecord('null'), id: name, name, driver: 'bridge', isPredefined: false, pools };
}

const bridge: NetworkRecord = { ...network('bridge', ['172.17.0.0/16'], false), isPredefined: true };
const front = network('front', ['10.70.0.0/16']);
const plain = network('plain', ['172.18.0.0/16'], false);
const manager = {
  tryFind: (name: string) => [bridge, front, plain].find((record) => record.name === name),
} as unknown as NetworkManager;
const addressed = (ipv4Address: string, ipv6Address = '') => ({ ...emptyEndpointRequest(), ipv4Address, ipv6Address });
const onlyOurs = 'user specified IP address is supported only when connecting to networks with user configured subnets';

describe('checkEndpoints', () => {
  it.each([
    [
      'bridge',
      addressed('172.17.0.9'),
      `* user specified IP address is supported on user defined networks only\n* ${onlyOurs}`,
    ],
    ['front', addressed('10.71.0.1'), 'no configured subnet or ip-range contain the IP address 10.71.0.1'],
    ['plain', addressed('10.71.0.1'), onlyOurs],
    ['container:box', addressed('10.71.0.1'), 'user specified IP address is supported on user defined networks only'],
    [
      'front',
      addressed('1.2', 'fd00::x'),
      `* invalid IPv4 address: 1.2\n* invalid IPv6 address: fd00::x\n* no configured subnet or ip-range contain the IP address 1.2\n* ${onlyOurs}`,
    ],
  ])('refuses on %s what dockerd refuses there', (name, request, faults) => {
    expect(() => checkEndpoints(manager, { [name]: request })).toThrow(
      `invalid config for network ${name}: invalid endpoint settings:\n${faults}`,
    );
  });

  it('takes an address of a subnet that the user chose, and waits for a network that is not there', () => {
    checkEndpoints(manager, { front: addressed('10.70.0.9'), later: addressed('10.1.1.1') });
  });

  it('tells of all networks at once', () => {
    const requests = { front: addressed('10.71.0.1'), plain: addressed('10.71.0.1') };
    expect(() => checkEndpoints(manager, requests)).toThrow(
      `* invalid config for network front: invalid endpoint settings:\n\tno configured subnet or ip-range contain the IP address 10.71.0.1\n* invalid config for network plain: invalid endpoint settings:\n\t${onlyOurs}`,
    );
  });
});

it('names no network to who connects to one', () => {
  expect(() => checkEndpoint(plain, addressed('10.71.0.1'))).toThrow(`invalid endpoint settings:\n${onlyOurs}`);
});
