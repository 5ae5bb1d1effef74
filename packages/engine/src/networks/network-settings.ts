// The daemon's own settings of networks: dockerd's flags, with their defaults.
import type { AddressPoolSetting } from './address-pools.ts';

export interface NetworkSettings {
  /** The default bridge's name; '' lets the engine choose, 'none' leaves it out. */
  bridge: string;
  /** Address of the default bridge, with the length of its subnet; '' for a free one. */
  bridgeIp: string;
  /** Containers on the default bridge get addresses of this part only. */
  fixedCidr: string;
  /** Of containers on the default bridge, where it is not the bridge itself; '' for none such. */
  defaultGateway: string;
  defaultGatewayV6: string;
  isIpv6: boolean;
  fixedCidrV6: string;
  /** Of the default bridge; 0: the kernel's. */
  mtu: number;
  allowsIcc: boolean;
  isMasqueraded: boolean;
  /** Where ports are published that name no address. */
  hostBindingIp: string;
  addressPools: AddressPoolSetting[];
  /** What `host-gateway` means; empty: the address of the container's bridge. */
  hostGatewayIps: string[];
  dns: string[];
  dnsOptions: string[];
  dnsSearch: string[];
}

export const defaultNetworkSettings: NetworkSettings = {
  bridge: '',
  bridgeIp: '',
  fixedCidr: '',
  defaultGateway: '',
  defaultGatewayV6: '',
  isIpv6: false,
  fixedCidrV6: '',
  mtu: 0,
  allowsIcc: true,
  isMasqueraded: true,
  hostBindingIp: '0.0.0.0',
  addressPools: [],
  hostGatewayIps: [],
  dns: [],
  dnsOptions: [],
  dnsSearch: [],
};
