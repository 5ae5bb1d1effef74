// What is wrong with the value of a flag that describes a container, in docker's words; flags.ts asks as it reads the line.
import { isIP } from 'node:net';

const sysctls = new Set([
  'kernel.msgmax',
  'kernel.msgmnb',
  'kernel.msgmni',
  'kernel.sem',
  'kernel.shmall',
  'kernel.shmmax',
  'kernel.shmmni',
  'kernel.shm_rmid_forced',
]);
const ulimits = new Set(
  'core cpu data fsize locks memlock msgqueue nice nofile nproc rss rtprio rttime sigpending stack'.split(' '),
);

/** By kind of flag; undefined when the value is good. */
export const containerFaults: Partial<Record<string, (text: string) => string | undefined>> = {
  env: (text) => (text === '' || text.startsWith('=') ? `invalid environment variable: ${text}` : undefined),
  label: (text) => (text === '' || text.startsWith('=') ? `invalid label '${text}': empty name` : undefined),
  ip: (text) => (isIP(text) === 0 ? `${text} is not an ip address` : undefined),
  'extra-host': hostFault,
  sysctl: sysctlFault,
  ulimit: ulimitFault,
  throttle: (text) => (/^\/dev\/[^:]+:.+$/.test(text) ? undefined : `bad format: ${text}`),
  'device-rule': (text) =>
    /^[acb] (\d+|\*):(\d+|\*) [rwm]{1,3}$/.test(text) ? undefined : `invalid device cgroup format '${text}'`,
};

function hostFault(text: string): string | undefined {
  const [, host = '', address = ''] = /^([^:=]*)[:=](.*)$/.exec(text) ?? [];
  if (host === '') return `bad format for add-host: ${JSON.stringify(text)}`;
  const bare = address.replace(/^\[(.*)\]$/, '$1');
  return address === 'host-gateway' || isIP(bare) !== 0
    ? undefined
    : `invalid IP address in add-host: ${JSON.stringify(address)}`;
}

/** Those that a namespace has for itself. */
function sysctlFault(text: string): string | undefined {
  const [name = '', value] = text.split('=');
  const isKnown = sysctls.has(name) || name.startsWith('net.') || name.startsWith('fs.mqueue.');
  return value !== undefined && isKnown ? undefined : `sysctl '${text}' is not whitelisted`;
}

function ulimitFault(text: string): string | undefined {
  const match = /^([^=]+)=(-?\d+)(?::(-?\d+))?$/.exec(text);
  if (match === null) return `invalid ulimit argument: ${text}`;
  const [, name = '', soft = '', hard = soft] = match;
  if (!ulimits.has(name)) return `invalid ulimit type: ${name}`;
  const isAbove = Number(hard) !== -1 && (Number(soft) === -1 || Number(soft) > Number(hard));
  return isAbove ? `ulimit soft limit must be less than or equal to hard limit: ${soft} > ${hard}` : undefined;
}
