// Netlink against the kernel, in namespaces of the test's own: links born inside, addresses, routes, tables, sockets.
import { closeSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { NetlinkSocket, u8, u16be } from './netlink.ts';
import { createNetworkNamespace, localPort, openBoundSocket, writeNetworkSysctls } from './network-namespace.ts';
import { action, concatenation, interfaceName, match, NftBatch, netfilterProtocol } from './nftables.ts';
import {
  bridgeDataOf,
  changeBridgePort,
  changeLink,
  deleteLink,
  findLink,
  listAddresses,
  listLinks,
  listRoutes,
  newAddress,
  newLink,
  newRoute,
  routeProtocol,
  vethData,
} from './route-netlink.ts';

let here: number;
let there: number;
const sockets: NetlinkSocket[] = [];

async function open(protocol: number, namespaceFd: number): Promise<NetlinkSocket> {
  const socket = await NetlinkSocket.open(protocol, namespaceFd);
  sockets.push(socket);
  return socket;
}

beforeEach(async () => {
  here = await createNetworkNamespace({});
  there = await createNetworkNamespace({ '/proc/sys/net/ipv4/ip_unprivileged_port_start': '0' });
});

afterEach(() => {
  for (const socket of sockets.splice(0)) socket.close();
  closeSync(here);
  closeSync(there);
});

describe('links', () => {
  it('are made, with the other end born in another namespace, and deleted', async () => {
    const [outer, inner] = [await open(routeProtocol, here), await open(routeProtocol, there)];
    await outer.send([newLink({ name: 'br', kind: 'bridge', data: bridgeDataOf(), isUp: true })]);
    const bridge = await findLink(outer, 'br');
    const hardwareAddress = '02:00:00:00:00:05';
    const data = vethData({ name: 'eth0', namespaceFd: there, hardwareAddress, mtu: 1400 });
    await outer.send([
      newLink({ name: 'v0', kind: 'veth', data, mtu: 1400, master: bridge?.index, isUp: true }),
      changeBridgePort('v0', { isHairpin: true, alias: 'ours' }),
    ]);
    const inside = await findLink(inner, 'eth0');
    expect(inside).toMatchObject({ hardwareAddress, mtu: 1400, isUp: false });
    expect(await findLink(outer, 'v0')).toMatchObject({ master: bridge?.index, alias: 'ours', isUp: true });
    const index = inside?.index ?? 0;
    const address = Buffer.from([10, 0, 0, 2]);
    const gateway = Buffer.from([10, 0, 0, 1]);
    await inner.send([
      newAddress(index, address, 24),
      changeLink(index, { isUp: true }),
      newRoute({ isIpv6: false, gateway, index }),
    ]);
    expect(await listAddresses(inner)).toContainEqual({ index, address, prefixLength: 24 });
    expect((await listRoutes(inner)).map((route) => route.prefixLength)).toEqual(expect.arrayContaining([0, 24]));
    await outer.send([deleteLink('v0'), deleteLink('v0')]); // the second time is no error
    expect((await listLinks(inner)).map((link) => link.name)).not.toContain('eth0');
  });

  it('that cannot be are refused with what was to be done, and the rest is done', async () => {
    const socket = await open(routeProtocol, here);
    const bridge = newLink({ name: 'br', kind: 'bridge', isUp: false });
    await expect(
      socket.send([bridge, bridge, newLink({ name: 'b2', kind: 'bridge', isUp: false })]),
    ).rejects.toMatchObject({
      code: 'already-exists',
      message: expect.stringContaining('create bridge br: EEXIST'),
    });
    expect((await listLinks(socket)).map((link) => link.name)).toEqual(expect.arrayContaining(['br', 'b2']));
    await expect(socket.send([newLink({ name: 'x', kind: 'nothing', isUp: false })])).rejects.toThrow('EOPNOTSUPP');
    expect(await findLink(socket, 'nobody')).toBeUndefined();
  });

  it('may be very many: exchanges on one socket wait for each other', async () => {
    const socket = await open(routeProtocol, here);
    await Promise.all(
      Array.from({ length: 50 }, (_, index) =>
        socket.send([newLink({ name: `b${index}`, kind: 'bridge', isUp: false })]),
      ),
    );
    expect((await listLinks(socket)).length).toBe(51);
  });
});

describe('a table', () => {
  const element = (port: number) => ({
    key: concatenation(u8(6), u16be(port)),
    value: concatenation(Buffer.from([10, 0, 0, 2]), u16be(80)),
  });
  const table = () =>
    new NftBatch('inet', 'test')
      .replaceTable()
      .set('ports', ['protocol', 'port'], ['ipv4', 'port'])
      .set('names', ['interface'])
      .chain('pre', { type: 'nat', hook: 'prerouting', priority: -100 })
      .rule('pre', match.meta('iifname'), match.equal(interfaceName('eth0')), action.accept());

  it('is taken whole or not at all', async () => {
    const socket = await open(netfilterProtocol, here);
    await table()
      .addElements('ports', [element(1)])
      .commit(socket);
    await table().commit(socket); // again, over the first
    const change = new NftBatch('inet', 'test').addElements('ports', [element(2)]).addElements('nothing', [element(3)]);
    await expect(change.commit(socket)).rejects.toMatchObject({ code: 'not-found' });
    // the good half was not done either
    await expect(new NftBatch('inet', 'test').deleteElements('ports', [element(2)]).commit(socket)).rejects.toThrow(
      'ENOENT',
    );
  });

  it('takes thousands of elements in one batch', async () => {
    const socket = await open(netfilterProtocol, here);
    const many = Array.from({ length: 5000 }, (_, index) => element(index + 1));
    await table().addElements('ports', many).commit(socket);
    await new NftBatch('inet', 'test')
      .deleteElements(
        'ports',
        many.map(({ key }) => ({ key })),
      )
      .commit(socket);
    await new NftBatch('inet', 'test').deleteTable().commit(socket);
  });
});

describe('sockets of a namespace', () => {
  it('are bound there, and a taken port is told', async () => {
    await (await open(routeProtocol, there)).send([changeLink(1, { isUp: true })]);
    const first = await openBoundSocket({ protocol: 'tcp', address: '127.0.0.1', port: 0 }, there);
    const port = localPort(first);
    await expect(openBoundSocket({ protocol: 'tcp', address: '127.0.0.1', port }, there)).rejects.toMatchObject({
      details: expect.objectContaining({ errnoName: 'EADDRINUSE' }),
    });
    closeSync(first);
    closeSync(await openBoundSocket({ protocol: 'udp', address: '::1', port }, there));
    await expect(openBoundSocket({ protocol: 'tcp', address: 'nowhere', port: 1 }, there)).rejects.toMatchObject({
      code: 'invalid-argument',
    });
  });

  it('are not those of this process', async () => {
    await expect(writeNetworkSysctls(there, { '/etc/passwd': 'x' })).rejects.toThrow('not below /proc/sys/net');
    await writeNetworkSysctls(there, { '/proc/sys/net/ipv4/ip_forward': '1' });
    await expect(createNetworkNamespace({ '/proc/sys/net/no/such': '1' })).rejects.toMatchObject({ code: 'not-found' });
  });
});
