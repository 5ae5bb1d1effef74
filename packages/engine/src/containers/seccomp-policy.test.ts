// Which profile a container gets, Docker's conditions resolved, and the text that is spliced into the specification.
import type { Spec } from '@tscontainer/core/oci-runtime';
import { describe, expect, it } from 'vitest';
import { defaultCapabilities } from './capabilities.ts';
import { seccompChoice, seccompText } from './seccomp-policy.ts';
import { parseSeccompProfile, resolveSeccompProfile } from './seccomp-rules.ts';
import { specText } from './spec-store.ts';

interface Resolved {
  defaultAction: string;
  architectures: string[];
  syscalls: { names: string[]; action: string; args?: { value: number }[] }[];
}

const host = (options: string[] | null, isPrivileged = false) => ({ Privileged: isPrivileged, SecurityOpt: options });

function resolved(options: string[] | null, capabilities = defaultCapabilities): Resolved {
  return JSON.parse(seccompText(host(options), 'builtin', capabilities) ?? 'null') as Resolved;
}

const allowedNames = ({ syscalls }: Resolved) =>
  new Set(syscalls.filter((rule) => rule.action === 'SCMP_ACT_ALLOW' && !rule.args).flatMap((rule) => rule.names));

describe('seccompText', () => {
  it('gives the default profile, and none to privileged and unconfined containers', () => {
    expect(resolved(null).defaultAction).toBe('SCMP_ACT_ERRNO');
    expect(seccompText(host(null, true), 'builtin', [])).toBeUndefined();
    expect(seccompText(host(['seccomp=unconfined']), 'builtin', [])).toBeUndefined();
    expect(seccompText(host(['seccomp:unconfined']), 'builtin', [])).toBeUndefined();
    expect(seccompText(host(null), 'unconfined', [])).toBeUndefined();
    expect(seccompText(host(['seccomp=builtin']), 'unconfined', [])).toContain('SCMP_ACT_ERRNO');
    expect(seccompText(host(['seccomp={"defaultAction":"SCMP_ACT_LOG"}'], true), 'builtin', [])).toContain('LOG');
  });

  it('opens with a capability what the kernel checks again, and nothing else', () => {
    const plain = allowedNames(resolved(null));
    const admin = allowedNames(resolved(null, [...defaultCapabilities, 'CAP_SYS_ADMIN']));
    for (const name of ['unshare', 'mount', 'setns', 'bpf', 'clone3', 'clone']) {
      expect(plain.has(name)).toBe(false);
      expect(admin.has(name)).toBe(true);
    }
    for (const name of ['keyctl', 'add_key', 'kexec_load', 'userfaultfd', 'io_uring_setup', 'open_by_handle_at'])
      expect(admin.has(name)).toBe(false);
    expect(plain.has('chroot')).toBe(true);
    expect(allowedNames(resolved(null, [])).has('chroot')).toBe(false);
  });

  it('makes the same text again for the same capabilities', () => {
    expect(seccompText(host(null), 'builtin', ['CAP_KILL'])).toBe(seccompText(host(null), 'builtin', ['CAP_KILL']));
  });

  it('takes the last option, and a text with an equals sign', () => {
    expect(seccompChoice(['seccomp=unconfined', 'apparmor=x', 'seccomp={"a":"b=c"}'])).toBe('{"a":"b=c"}');
    expect(seccompChoice(null)).toBe('');
  });
});

describe('a profile of the user', () => {
  const rule = (names: string[], more: object) => ({ names, action: 'SCMP_ACT_ALLOW', ...more });
  const namesFor = (capabilities: string[], ...syscalls: object[]) => {
    const text = JSON.stringify({ defaultAction: 'SCMP_ACT_ERRNO', syscalls });
    const result = resolveSeccompProfile(parseSeccompProfile(text), capabilities) as Resolved;
    return result.syscalls.flatMap((item) => item.names);
  };
  const machine = process.arch === 'arm64' ? 'arm64' : 'amd64';

  it('keeps the rules whose conditions hold', () => {
    expect(namesFor(['CAP_A'], rule(['a'], { includes: { caps: ['CAP_A', 'CAP_B'] } }))).toEqual([]);
    expect(namesFor(['CAP_A', 'CAP_B'], rule(['a'], { includes: { caps: ['CAP_A', 'CAP_B'] } }))).toEqual(['a']);
    expect(namesFor(['CAP_A'], rule(['a'], { excludes: { caps: ['CAP_A', 'CAP_B'] } }))).toEqual([]);
    expect(namesFor([], rule(['a'], { includes: { arches: ['s390x'] } }))).toEqual([]);
    expect(namesFor([], rule(['a'], { includes: { arches: ['s390x', machine] } }))).toEqual(['a']);
    expect(namesFor([], rule(['a'], { excludes: { arches: [machine] } }))).toEqual([]);
    expect(namesFor([], rule(['a'], { includes: { minKernel: '4.8' } }))).toEqual(['a']);
    expect(namesFor([], rule(['a'], { includes: { minKernel: '250.0' } }))).toEqual([]);
    expect(namesFor([], rule(['a'], { excludes: { minKernel: '4.8' } }))).toEqual([]);
    expect(namesFor([], { name: 'a', action: 'SCMP_ACT_ALLOW', comment: 'old form' })).toEqual(['a']);
  });

  it('takes the architectures of this machine from archMap', () => {
    const archMap = [
      { architecture: 'SCMP_ARCH_S390X', subArchitectures: ['SCMP_ARCH_S390'] },
      { architecture: 'SCMP_ARCH_X86_64', subArchitectures: ['SCMP_ARCH_X86'] },
      { architecture: 'SCMP_ARCH_AARCH64', subArchitectures: null },
    ];
    const profile = parseSeccompProfile(JSON.stringify({ defaultAction: 'SCMP_ACT_LOG', archMap }));
    expect((resolveSeccompProfile(profile, []) as Resolved).architectures).toEqual(
      process.arch === 'arm64' ? ['SCMP_ARCH_AARCH64'] : ['SCMP_ARCH_X86_64', 'SCMP_ARCH_X86'],
    );
  });

  it('keeps every digit of a 64-bit number', () => {
    const args = '[{"index":0,"value":18446744073709551615,"valueTwo":9007199254740993,"op":"SCMP_CMP_MASKED_EQ"}]';
    const text = `{"defaultAction":"SCMP_ACT_ERRNO","syscalls":[{"names":["x"],"action":"SCMP_ACT_ALLOW","args":${args}}]}`;
    expect(seccompText(host([`seccomp=${text}`]), 'builtin', [])).toContain(args);
  });

  it('is no filter when it says nothing', () => {
    expect(seccompText(host(['seccomp={}']), 'builtin', [])).toBeUndefined();
  });

  it.each([
    ['{"defaultAction":', 'decoding it failed'],
    ['[]', 'not a JSON object'],
    ['{"defaultAction":"SCMP_ACT_LOG","syscalls":{}}', 'syscalls is not a list'],
    ['{"defaultAction":"SCMP_ACT_LOG","architectures":["A"],"archMap":[{}]}', "both 'architectures' and 'archMap'"],
    ['{"syscalls":[{"name":"a","names":["b"],"action":"SCMP_ACT_LOG"}]}', "both 'name' and 'names'"],
    ['{"syscalls":[{"names":["b"],"includes":{"minKernel":"four"}}]}', 'invalid kernel version'],
  ])('refuses %s', (text, reason) => {
    expect(() => seccompText(host([`seccomp=${text}`]), 'builtin', [])).toThrow(reason);
  });
});

describe('specText', () => {
  it('is the specification with the profile in its place', () => {
    const spec = { ociVersion: '1.0.2', linux: { namespaces: [{ type: 'pid' }] }, mounts: [] } as unknown as Spec;
    const seccomp = { defaultAction: 'SCMP_ACT_ALLOW' };
    expect(JSON.parse(specText(spec, JSON.stringify(seccomp)))).toEqual({
      ...spec,
      linux: { ...spec.linux, seccomp },
    });
    expect(JSON.parse(specText(spec, undefined))).toEqual(spec);
  });
});
