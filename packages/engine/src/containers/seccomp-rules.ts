// Docker's form of a seccomp profile, with rules that depend on capabilities, machine and kernel, and what OCI has for
// it; used by seccomp-policy.ts. https://docs.docker.com/engine/security/seccomp/
import { arch } from 'node:os';
import { ContainerError, errorMessageOf } from '@tscontainer/core/errors';
import { isKernelAtLeast } from './kernel-version.ts';

interface Condition {
  caps?: string[] | null;
  /** In Go's words: amd64, arm64. */
  arches?: string[] | null;
  /** `4.8`. */
  minKernel?: string | null;
}

export interface DockerSeccompRule {
  /** The old form of a single name. */
  name?: string;
  names?: string[] | null;
  action: string;
  errnoRet?: number;
  args?: { index: number; value: number; valueTwo?: number; op: string }[] | null;
  comment?: string;
  includes?: Condition | null;
  excludes?: Condition | null;
}

export interface DockerSeccompProfile {
  defaultAction: string;
  defaultErrnoRet?: number;
  architectures?: string[] | null;
  archMap?: { architecture: string; subArchitectures: string[] | null }[] | null;
  flags?: string[];
  listenerPath?: string;
  listenerMetadata?: string;
  syscalls?: DockerSeccompRule[] | null;
}

const goArchitectures: Record<string, string> = { x64: 'amd64', arm64: 'arm64' };
const seccompArchitectures: Record<string, string> = { x64: 'SCMP_ARCH_X86_64', arm64: 'SCMP_ARCH_AARCH64' };

function refuse(reason: string): ContainerError {
  return new ContainerError('invalid-argument', `HostConfig.SecurityOpt: seccomp profile: ${reason}`);
}

/**
 * The profile in `text`. Numbers that JavaScript would round (masks of 64 bits) keep their digits. Throws
 * invalid-argument.
 */
export function parseSeccompProfile(text: string): DockerSeccompProfile {
  const keepDigits = (_key: string, value: unknown, { source }: { source?: string }) =>
    typeof value === 'number' && !Number.isSafeInteger(value) && source !== undefined ? rawNumber(source) : value;
  let profile: unknown;
  try {
    // TypeScript's library does not know yet that a reviver is given the source text
    profile = JSON.parse(text, keepDigits as (key: string, value: unknown) => unknown);
  } catch (error) {
    throw refuse(`decoding it failed: ${errorMessageOf(error)}`);
  }
  if (typeof profile !== 'object' || profile === null || Array.isArray(profile)) throw refuse('not a JSON object');
  const { syscalls, archMap } = profile as DockerSeccompProfile;
  for (const [field, list] of Object.entries({ syscalls, archMap })) {
    const isListOfObjects = Array.isArray(list) && list.every((item) => typeof item === 'object' && item !== null);
    if (list !== undefined && list !== null && !isListOfObjects) throw refuse(`${field} is not a list of objects`);
  }
  return profile as DockerSeccompProfile;
}

function rawNumber(source: string): unknown {
  return (JSON as unknown as { rawJSON(text: string): unknown }).rawJSON(source);
}

function versionOf(text: string): [number, number] {
  const match = /^(\d+)\.(\d+)$/.exec(text);
  if (match === null) throw refuse(`invalid kernel version: ${JSON.stringify(text)}, expected "<kernel>.<major>"`);
  return [Number(match[1]), Number(match[2])];
}

function isExcluded({ caps, arches, minKernel }: Condition, capabilities: string[], machine: string): boolean {
  if (arches?.includes(machine)) return true;
  if (caps?.some((name) => capabilities.includes(name))) return true;
  return Boolean(minKernel) && isKernelAtLeast(...versionOf(minKernel as string));
}

function isIncluded({ caps, arches, minKernel }: Condition, capabilities: string[], machine: string): boolean {
  if (arches && arches.length > 0 && !arches.includes(machine)) return false;
  if (caps && !caps.every((name) => capabilities.includes(name))) return false;
  return !minKernel || isKernelAtLeast(...versionOf(minKernel));
}

function namesOf(rule: DockerSeccompRule): string[] {
  const names = rule.names ?? [];
  if (!rule.name) return names;
  if (names.length > 0) throw refuse("both 'name' and 'names' are specified, use either 'name' or 'names'");
  return [rule.name];
}

/**
 * The OCI linux.seccomp object for a container with this bounding set (`CAP_…`); undefined when the profile says
 * nothing, which is no filter. Throws invalid-argument.
 */
export function resolveSeccompProfile(profile: DockerSeccompProfile, capabilities: string[]): object | undefined {
  const { archMap, architectures, syscalls, ...common } = profile;
  if (!profile.defaultAction && (syscalls ?? []).length === 0) return undefined;
  if ((architectures ?? []).length > 0 && (archMap ?? []).length > 0)
    throw refuse("both 'architectures' and 'archMap' are specified, use either 'architectures' or 'archMap'");
  const machine = goArchitectures[arch()] ?? arch();
  const own = archMap?.find((entry) => entry.architecture === seccompArchitectures[arch()]);
  const rules = (syscalls ?? []).filter(
    ({ includes, excludes }) =>
      !(excludes && isExcluded(excludes, capabilities, machine)) &&
      (!includes || isIncluded(includes, capabilities, machine)),
  );
  return {
    ...common,
    architectures: own === undefined ? (architectures ?? []) : [own.architecture, ...(own.subArchitectures ?? [])],
    syscalls: rules.map((rule) => {
      const { name: _name, comment: _comment, includes: _includes, excludes: _excludes, ...rest } = rule;
      return { ...rest, names: namesOf(rule) };
    }),
  };
}
