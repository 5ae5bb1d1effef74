// Makes and unmakes the interface of an endpoint, by the driver of its network.
import { ContainerError } from '@tscontainer/core/errors';
import { randomHex } from '@tscontainer/core/ids';
import { ipvlanData, macvlanData } from '@tscontainer/linux/route-netlink';
import { randomHardwareAddress } from './host-links.ts';
import { toBytes } from './ip-address.ts';
import type { NetworkManager } from './network-manager.ts';
import {
  bridgeOption,
  type EndpointState,
  type LeasedAddress,
  mtuOf,
  type NetworkRecord,
  optionFlag,
} from './network-record.ts';
import type { SandboxNamespace } from './sandbox-namespace.ts';

/** As docker forms it: the same address has the same one again, so that neighbours' caches stay right. */
export function hardwareAddressFor(ipv4: LeasedAddress | undefined): string {
  if (ipv4 === undefined) return randomHardwareAddress();
  return `02:42:${[...toBytes(ipv4.address)].map((byte) => byte.toString(16).padStart(2, '0')).join(':')}`;
}

/** Name of the host's end; '' for drivers without one. */
export function newHostLink(network: NetworkRecord): string {
  return network.driver === 'bridge' ? `veth${randomHex(4).slice(0, 7)}` : '';
}

/** It is down, and has no address yet. */
export async function addInterface(
  manager: NetworkManager,
  network: NetworkRecord,
  space: SandboxNamespace,
  endpoint: EndpointState,
): Promise<void> {
  const { interfaceName: name, macAddress: hardwareAddress } = endpoint;
  if (endpoint.ipv6 !== undefined) await space.enableIpv6();
  if (network.driver === 'bridge') {
    await manager.links.addVeth({
      name: endpoint.hostLink,
      bridgeIndex: manager.bridgeIndexOf(network),
      mtu: mtuOf(network),
      namespaceFd: space.fd,
      inside: { name, hardwareAddress },
      isIsolated: !optionFlag(network, bridgeOption.icc, true),
      alias: manager.linkAlias,
    });
    return;
  }
  const parent = network.options['parent'] ?? '';
  if (parent === '') throw new ContainerError('failed-precondition', `network ${network.name} has no parent interface`);
  const isMacvlan = network.driver === 'macvlan';
  const mode = network.options[isMacvlan ? 'macvlan_mode' : 'ipvlan_mode'] || (isMacvlan ? 'bridge' : 'l2');
  const data = isMacvlan ? macvlanData(mode) : ipvlanData(mode);
  if (data === undefined)
    throw new ContainerError('invalid-argument', `network ${network.name}: unknown ${network.driver} mode ${mode}`);
  await manager.links.addOnParent(parent, {
    name,
    kind: network.driver,
    data,
    ...(isMacvlan ? { hardwareAddress } : {}),
    mtu: mtuOf(network),
    namespaceFd: space.fd,
    isUp: false,
  });
}

/** No error when it is gone. */
export async function removeInterface(
  manager: NetworkManager,
  space: SandboxNamespace | undefined,
  endpoint: EndpointState,
): Promise<void> {
  if (endpoint.hostLink !== '') await manager.links.remove(endpoint.hostLink);
  else await space?.removeLink(endpoint.interfaceName);
}
