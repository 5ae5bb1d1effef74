// `--change` of commit and import: single Dockerfile instructions that alter an image's config.
import { ContainerError } from '@tscontainer/core/errors';
import type { ImageProcessConfig } from '@tscontainer/core/oci-image';

const allowed = [
  'CMD',
  'ENTRYPOINT',
  'ENV',
  'EXPOSE',
  'HEALTHCHECK',
  'LABEL',
  'ONBUILD',
  'STOPSIGNAL',
  'USER',
  'VOLUME',
  'WORKDIR',
];

function invalid(change: string, why: string): ContainerError {
  return new ContainerError('invalid-argument', `change ${JSON.stringify(change)}: ${why}`);
}

/** Words as a shell would split them: quotes group, a backslash takes the next character as it is. */
export function splitWords(text: string): string[] {
  const words: string[] = [];
  let word: string | undefined;
  let quote = '';
  for (let at = 0; at < text.length; at++) {
    const character = text[at] as string;
    if (character === '\\' && quote !== "'" && at + 1 < text.length) word = (word ?? '') + text[++at];
    else if (quote !== '') {
      if (character === quote) quote = '';
      else word = (word ?? '') + character;
    } else if (character === '"' || character === "'") {
      quote = character;
      word ??= '';
    } else if (/\s/.test(character)) {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else word = (word ?? '') + character;
  }
  if (word !== undefined) words.push(word);
  return words;
}

function jsonWords(text: string): string[] | undefined {
  if (!text.startsWith('[')) return undefined;
  try {
    const parsed: unknown = JSON.parse(text);
    return Array.isArray(parsed) && parsed.every((item) => typeof item === 'string') ? parsed : undefined;
  } catch {
    return undefined; // a shell command may begin with a bracket too
  }
}

/** The exec form, or the shell's. */
function command(text: string, shell: string[] | null | undefined): string[] {
  return jsonWords(text) ?? [...(shell ?? ['/bin/sh', '-c']), text];
}

/** `K=v K2=v2`, or the old `K v`. */
function pairs(change: string, text: string): [string, string][] {
  const words = splitWords(text);
  if (words.length === 0) throw invalid(change, 'needs at least one argument');
  if (!words[0]?.includes('=')) {
    const match = /^(\S+)\s+(.*)$/.exec(text);
    if (match === null) throw invalid(change, 'must have two arguments');
    return [[match[1] as string, match[2] as string]];
  }
  return words.map((word) => {
    const equals = word.indexOf('=');
    if (equals <= 0) throw invalid(change, `can't find = in ${JSON.stringify(word)}: must be of the form name=value`);
    return [word.slice(0, equals), word.slice(equals + 1)];
  });
}

function withVariables(env: string[] | null | undefined, added: [string, string][]): string[] {
  const result = [...(env ?? [])];
  for (const [name, value] of added) {
    const at = result.findIndex((entry) => entry.startsWith(`${name}=`));
    if (at < 0) result.push(`${name}=${value}`);
    else result[at] = `${name}=${value}`;
  }
  return result;
}

function withKeys(known: Record<string, object> | null | undefined, keys: string[]): Record<string, object> {
  return { ...known, ...Object.fromEntries(keys.map((key) => [key, {}])) };
}

function portKeys(change: string, text: string): string[] {
  return splitWords(text).map((port) => {
    if (!/^\d+(-\d+)?(\/(tcp|udp|sctp))?$/.test(port)) throw invalid(change, `invalid containerPort: ${port}`);
    return port.includes('/') ? port : `${port}/tcp`;
  });
}

function workingDirectory(current: string | undefined, text: string): string {
  return text.startsWith('/') ? text : `${current || '/'}/${text}`.replace(/\/+/g, '/');
}

/** Throws invalid-argument naming the change. */
function changed(config: ImageProcessConfig, change: string): ImageProcessConfig {
  const match = /^\s*([A-Za-z]+)\s+(.*?)\s*$/s.exec(change);
  const name = match?.[1]?.toUpperCase() ?? change.trim().toUpperCase();
  const text = match?.[2] ?? '';
  if (!allowed.includes(name)) throw new ContainerError('invalid-argument', `${name} is not a valid change command`);
  switch (name) {
    case 'CMD':
      return { ...config, Cmd: command(text, config.Shell) };
    case 'ENTRYPOINT':
      return { ...config, Entrypoint: command(text, config.Shell) };
    case 'ENV':
      return { ...config, Env: withVariables(config.Env, pairs(change, text)) };
    case 'LABEL':
      return { ...config, Labels: { ...config.Labels, ...Object.fromEntries(pairs(change, text)) } };
    case 'EXPOSE':
      return { ...config, ExposedPorts: withKeys(config.ExposedPorts, portKeys(change, text)) };
    case 'VOLUME':
      return { ...config, Volumes: withKeys(config.Volumes, jsonWords(text) ?? splitWords(text)) };
    case 'USER':
      return { ...config, User: text };
    case 'WORKDIR':
      return { ...config, WorkingDir: workingDirectory(config.WorkingDir, text) };
    case 'STOPSIGNAL':
      return { ...config, StopSignal: text };
    case 'ONBUILD':
      return { ...config, OnBuild: [...(config.OnBuild ?? []), text] };
    default:
      return { ...config, Healthcheck: healthcheck(change, text) };
  }
}

const unitsNs: Record<string, number> = { h: 3600e9, m: 60e9, s: 1e9, ms: 1e6, us: 1e3, ns: 1 };

function durationNs(change: string, text: string): number {
  const parts = [...text.matchAll(/(\d+(?:\.\d+)?)(ms|us|ns|h|m|s)/g)];
  if (parts.length === 0 || parts.map(([part]) => part).join('') !== text)
    throw invalid(change, `time: invalid duration ${JSON.stringify(text)}`);
  return parts.reduce((sum, [, amount, unit]) => sum + Number(amount) * (unitsNs[unit as string] ?? 0), 0);
}

function healthcheck(change: string, text: string): NonNullable<ImageProcessConfig['Healthcheck']> {
  if (text.toUpperCase() === 'NONE') return { Test: ['NONE'] };
  const check: NonNullable<ImageProcessConfig['Healthcheck']> = {};
  let rest = text;
  for (let flag = /^--([a-z-]+)=(\S+)\s+/.exec(rest); flag !== null; flag = /^--([a-z-]+)=(\S+)\s+/.exec(rest)) {
    const [whole, name, value = ''] = flag;
    if (name === 'interval') check.Interval = durationNs(change, value);
    else if (name === 'timeout') check.Timeout = durationNs(change, value);
    else if (name === 'start-period') check.StartPeriod = durationNs(change, value);
    else if (name === 'retries') check.Retries = Number(value);
    else throw invalid(change, `unknown flag: ${name}`);
    rest = rest.slice(whole.length);
  }
  const test = /^CMD\s+(.+)$/is.exec(rest)?.[1];
  if (test === undefined) throw invalid(change, 'unknown type in HEALTHCHECK (try CMD)');
  const words = jsonWords(test);
  return { Test: words === undefined ? ['CMD-SHELL', test] : ['CMD', ...words], ...check };
}

/** Each of `changes` may hold several instructions, a line each, as in a Dockerfile. */
export function applyChanges(config: ImageProcessConfig, changes: string[]): ImageProcessConfig {
  const lines = changes.flatMap((text) => text.replace(/\\[ \t]*\r?\n/g, '').split(/\r?\n/));
  return lines.filter((line) => line.trim() !== '' && !line.trim().startsWith('#')).reduce(changed, config);
}
