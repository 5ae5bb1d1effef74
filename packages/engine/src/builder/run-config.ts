// The config that a stage's instructions change, in Go's shape; and how docker compares two of them for the cache.
import type { ImageProcessConfig } from '@tscontainer/core/oci-image';
import { emptyConfig } from '../containers/container-config.ts';
import type { RunConfig } from './step-image.ts';

const defaultShell = ['/bin/sh', '-c'];
const defaultPath = 'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

const emptyRunConfig: RunConfig = { ...emptyConfig, Labels: null };

/** What a stage begins with: the base image's, with a PATH. */
export function runConfigOf(image: ImageProcessConfig | undefined): RunConfig {
  const given = Object.fromEntries(Object.entries(image ?? {}).filter(([, value]) => value !== null));
  const config: RunConfig = { ...structuredClone(emptyRunConfig), ...structuredClone(given) };
  if (!(config.Env ?? []).some((entry) => entry.startsWith('PATH='))) config.Env = [...(config.Env ?? []), defaultPath];
  return { ...config, OpenStdin: false, StdinOnce: false };
}

export function shellOf(config: RunConfig): string[] {
  return config.Shell !== undefined && config.Shell.length > 0 ? config.Shell : defaultShell;
}

/** Neither image nor host name count. */
export function isSameConfig(left: Partial<RunConfig>, right: RunConfig): boolean {
  if (left.OpenStdin || right.OpenStdin) return false;
  const isSameText = (['User'] as const).every((name) => (left[name] ?? '') === right[name]);
  const isSameFlag = (['AttachStdout', 'AttachStderr', 'Tty'] as const).every(
    (name) => (left[name] ?? false) === right[name],
  );
  const isSameList = (['Cmd', 'Env', 'Entrypoint'] as const).every((name) => {
    const [mine, theirs] = [left[name] ?? [], right[name] ?? []];
    return mine.length === theirs.length && mine.every((entry, at) => entry === theirs[at]);
  });
  const isSameKeys = (['ExposedPorts', 'Volumes'] as const).every((name) => {
    const [mine, theirs] = [Object.keys(left[name] ?? {}), right[name] ?? {}];
    return mine.length === Object.keys(theirs).length && mine.every((key) => Object.hasOwn(theirs, key));
  });
  const [mine, theirs] = [Object.entries(left.Labels ?? {}), right.Labels ?? {}];
  const isSameLabels =
    mine.length === Object.keys(theirs).length && mine.every(([name, value]) => theirs[name] === value);
  return isSameText && isSameFlag && isSameList && isSameKeys && isSameLabels;
}
