// IPv4 and IPv6 addresses and subnets as numbers: parsed, compared, printed in the shortest form (RFC 5952).
import { isIPv4, isIPv6 } from 'node:net';
import { ContainerError } from '@tscontainer/core/errors';

export type IpVersion = 4 | 6;

export interface IpAddress {
  version: IpVersion;
  value: bigint;
}

export interface Subnet {
  version: IpVersion;
  /** First address of it. */
  base: bigint;
  prefixLength: number;
}

function addressBits(version: IpVersion): number {
  return version === 4 ? 32 : 128;
}

function valueOfV4(text: string): bigint {
  return text.split('.').reduce((sum, part) => sum * 256n + BigInt(part), 0n);
}

function valueOfV6(text: string): bigint {
  const plain = (text.split('%')[0] ?? '').replace(/(\d+\.\d+\.\d+\.\d+)$/, (v4) => {
    const value = valueOfV4(v4);
    return `${(value >> 16n).toString(16)}:${(value & 0xffffn).toString(16)}`;
  });
  const [head = '', tail] = plain.split('::');
  const words = (part: string) => (part === '' ? [] : part.split(':'));
  const before = words(head);
  const after = tail === undefined ? [] : words(tail);
  const zeros = tail === undefined ? 0 : 8 - before.length - after.length;
  const all = [...before, ...Array<string>(zeros).fill('0'), ...after];
  return all.reduce((sum, word) => sum * 65_536n + BigInt(`0x${word}`), 0n);
}

/** Undefined for what is no address. */
export function parseAddress(text: string): IpAddress | undefined {
  if (isIPv4(text)) return { version: 4, value: valueOfV4(text) };
  if (isIPv6(text)) return { version: 6, value: valueOfV6(text) };
  return undefined;
}

function formatV6(value: bigint): string {
  const words = Array.from({ length: 8 }, (_, index) => ((value >> BigInt(112 - index * 16)) & 0xffffn).toString(16));
  const text = words.join(':');
  const runs = text.match(/(?:^|:)0(?::0)+(?=:|$)/g) ?? [];
  const longest = runs.reduce(
    (best, run) => (run.replace(/^:/, '').length > best.replace(/^:/, '').length ? run : best),
    '',
  );
  if (longest === '') return text;
  const at = text.indexOf(longest);
  return `${text.slice(0, at)}::${text.slice(at + longest.length).replace(/^:/, '')}`;
}

export function formatAddress({ version, value }: IpAddress): string {
  if (version === 6) return formatV6(value);
  return [24n, 16n, 8n, 0n].map((shift) => String((value >> shift) & 255n)).join('.');
}

function addressBytes({ version, value }: IpAddress): Buffer {
  return Buffer.from(value.toString(16).padStart(version === 4 ? 8 : 32, '0'), 'hex');
}

export function bytesAddress(bytes: Uint8Array): IpAddress {
  return { version: bytes.length === 4 ? 4 : 6, value: BigInt(`0x${Buffer.from(bytes).toString('hex')}`) };
}

/** Bytes of an address that is known to be one. */
export function toBytes(text: string): Buffer {
  const address = parseAddress(text);
  if (address === undefined) throw new ContainerError('internal', `${text} is no address`);
  return addressBytes(address);
}

function hostBits(subnet: Pick<Subnet, 'version' | 'prefixLength'>): bigint {
  return BigInt(addressBits(subnet.version) - subnet.prefixLength);
}

export function subnetOf(address: IpAddress, prefixLength: number): Subnet {
  const bits = hostBits({ version: address.version, prefixLength });
  return { version: address.version, base: (address.value >> bits) << bits, prefixLength };
}

/** Undefined for what is no `address/length`; the address's host part is dropped. */
export function parseSubnet(text: string): Subnet | undefined {
  const [addressText = '', lengthText = ''] = text.split('/');
  const address = parseAddress(addressText);
  if (address === undefined || !/^\d{1,3}$/.test(lengthText)) return undefined;
  const prefixLength = Number(lengthText);
  return prefixLength > addressBits(address.version) ? undefined : subnetOf(address, prefixLength);
}

export function formatSubnet(subnet: Subnet): string {
  return `${formatAddress({ version: subnet.version, value: subnet.base })}/${subnet.prefixLength}`;
}

export function subnetSize(subnet: Subnet): bigint {
  return 1n << hostBits(subnet);
}

export function contains(subnet: Subnet, address: IpAddress): boolean {
  return subnet.version === address.version && address.value >> hostBits(subnet) === subnet.base >> hostBits(subnet);
}

export function overlaps(a: Subnet, b: Subnet): boolean {
  if (a.version !== b.version) return false;
  const wider = a.prefixLength < b.prefixLength ? a : b;
  return contains(wider, { version: a.version, value: (wider === a ? b : a).base });
}

/** The last address of it: IPv4's broadcast. */
export function lastAddress(subnet: Subnet): bigint {
  return subnet.base + subnetSize(subnet) - 1n;
}
