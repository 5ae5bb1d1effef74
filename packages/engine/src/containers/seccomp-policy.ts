// Which seccomp profile a container runs under, as the JSON text of its linux.seccomp; asked by the spec builder.
import { existsSync } from 'node:fs';
import type { HostConfig } from './container-config.ts';
import { defaultSeccompProfile } from './seccomp-profile.ts';
import { parseSeccompProfile, resolveSeccompProfile } from './seccomp-rules.ts';

export const unconfined = 'unconfined';
export const builtin = 'builtin';

/** Texts of the default profile kept, one per set of capabilities in use: 9 KiB each. */
const maxKeptTexts = 64;
const defaultTexts = new Map<string, string | undefined>();
let isEnabled: boolean | undefined;

/** Whether this kernel can filter at all. */
export function isSeccompEnabled(): boolean {
  isEnabled ??= existsSync('/proc/sys/kernel/seccomp/actions_avail');
  return isEnabled;
}

/** What `--security-opt seccomp=…` says: `unconfined`, `builtin`, the text of a profile, or '' when it says nothing. */
export function seccompChoice(options: string[] | null): string {
  const option = (options ?? []).findLast((text) => /^seccomp[=:]/.test(text));
  return option?.slice('seccomp='.length) ?? '';
}

/**
 * The text of linux.seccomp; undefined for no filter. `daemonChoice` stands in for a container that says nothing.
 * Privileged containers are unconfined unless they name a profile, as in Docker. Throws invalid-argument.
 */
export function seccompText(
  host: Pick<HostConfig, 'Privileged' | 'SecurityOpt'>,
  daemonChoice: string,
  capabilities: string[],
): string | undefined {
  const own = seccompChoice(host.SecurityOpt);
  if (own === '' && host.Privileged) return undefined;
  const choice = own || daemonChoice;
  if (choice === unconfined) return undefined;
  if (choice !== builtin) return textOf(parseSeccompProfile(choice), capabilities);
  return isSeccompEnabled() ? defaultText(capabilities) : undefined;
}

/** Every container of the same capabilities has the same text: neither built twice nor, in the runtime, compiled twice. */
function defaultText(capabilities: string[]): string | undefined {
  const key = capabilities.join();
  if (!defaultTexts.has(key)) {
    if (defaultTexts.size >= maxKeptTexts) defaultTexts.clear();
    defaultTexts.set(key, textOf(defaultSeccompProfile, capabilities));
  }
  return defaultTexts.get(key);
}

function textOf(profile: Parameters<typeof resolveSeccompProfile>[0], capabilities: string[]): string | undefined {
  const resolved = resolveSeccompProfile(profile, capabilities);
  return resolved === undefined ? undefined : JSON.stringify(resolved);
}
