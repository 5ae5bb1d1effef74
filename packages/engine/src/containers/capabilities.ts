// Docker's rules for capabilities: its default set, what CapAdd and CapDrop make of it, and what this machine can give.
import { readFileSync } from 'node:fs';
import { ContainerError } from '@tscontainer/core/errors';

/** By number, as linux/capability.h counts them. */
const allNames =
  'CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP LINUX_IMMUTABLE NET_BIND_SERVICE NET_BROADCAST NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO SYS_CHROOT SYS_PTRACE SYS_PACCT SYS_ADMIN SYS_BOOT SYS_NICE SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG MKNOD LEASE AUDIT_WRITE AUDIT_CONTROL SETFCAP MAC_OVERRIDE MAC_ADMIN SYSLOG WAKE_ALARM BLOCK_SUSPEND AUDIT_READ PERFMON BPF CHECKPOINT_RESTORE'
    .split(' ')
    .map((name) => `CAP_${name}`);

export const defaultCapabilities =
  'CHOWN DAC_OVERRIDE FSETID FOWNER MKNOD NET_RAW SETGID SETUID SETFCAP SETPCAP NET_BIND_SERVICE SYS_CHROOT KILL AUDIT_WRITE'
    .split(' ')
    .map((name) => `CAP_${name}`);

let bounding: Set<string> | undefined;

/** The bounding set of this process: no container can have more. */
export function availableCapabilities(): Set<string> {
  if (bounding === undefined) {
    const match = /^CapBnd:\s*([0-9a-f]+)/m.exec(readFileSync('/proc/self/status', 'utf8'));
    const mask = BigInt(`0x${match?.[1] ?? '0'}`);
    bounding = new Set(allNames.filter((_, bit) => ((mask >> BigInt(bit)) & 1n) === 1n));
  }
  return bounding;
}

function normalize(field: string, name: string): string {
  const upper = name.toUpperCase();
  if (upper === 'ALL') return upper;
  const full = upper.startsWith('CAP_') ? upper : `CAP_${upper}`;
  if (!allNames.includes(full))
    throw new ContainerError('invalid-argument', `invalid ${field}: unknown capability: ${JSON.stringify(full)}`);
  return full;
}

/** CapAdd and CapDrop as inspect shows them: full names, sorted. Null stays null. */
export function normalizeCapabilities(field: string, names: string[] | null): string[] | null {
  return names === null ? null : [...new Set(names.map((name) => normalize(field, name)))].sort();
}

/**
 * The container's set. `ALL` and privileged mean all that this machine has; a capability named by itself that the
 * machine lacks is refused.
 */
export function containerCapabilities(isPrivileged: boolean, add: string[] | null, drop: string[] | null): string[] {
  const available = availableCapabilities();
  if (isPrivileged) return allNames.filter((name) => available.has(name));
  const added = new Set((add ?? []).map((name) => normalize('CapAdd', name)));
  const dropped = new Set((drop ?? []).map((name) => normalize('CapDrop', name)));
  for (const name of added) {
    if (name !== 'ALL' && !available.has(name))
      throw new ContainerError('invalid-argument', `HostConfig.CapAdd: ${name} is not available on this machine`);
  }
  let set: string[];
  if (added.has('ALL')) set = allNames.filter((name) => !dropped.has(name));
  else if (dropped.has('ALL')) set = allNames.filter((name) => added.has(name));
  else set = allNames.filter((name) => (defaultCapabilities.includes(name) || added.has(name)) && !dropped.has(name));
  return set.filter((name) => available.has(name));
}
