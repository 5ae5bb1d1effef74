// Pulling: the call, the credentials it sends, and the check that it went well.
import { familiarReference, parseReference, type Reference, withDefaultTag } from '@tscontainer/core/reference';
import type { ConfigFile } from '../cli/config-file.ts';
import { credentialsFor, type RegistryAuth } from '../cli/credential-store.ts';
import { CommandFailure } from '../cli/failures.ts';
import type { Output } from '../cli/output.ts';
import { showProgress } from '../format/progress.ts';
import type { ProgressMessage } from '../format/progress-message.ts';
import type { EngineClient } from './engine-client.ts';

export interface PullOptions {
  platform: string;
  isQuiet: boolean;
  config: ConfigFile;
  out: Output;
  err: Output;
}

export function imagePath(name: string): string {
  return `/images/${name.split('/').map(encodeURIComponent).join('/')}`;
}

/** Throws CommandFailure with docker's words for what is no reference. */
export function readReference(text: string): Reference {
  try {
    return parseReference(text);
  } catch {
    // the one reason there is: say it in docker's words
    const path = text.slice(text.indexOf('/') + 1);
    const why =
      path.replace(/[:@].*$/, '') === path.replace(/[:@].*$/, '').toLowerCase()
        ? ''
        : ': repository name must be lowercase';
    throw new CommandFailure(`invalid reference format${why}`);
  }
}

/** `busybox` -> `busybox:latest`. Throws CommandFailure. */
export function withLatest(name: string): string {
  return familiarReference(withDefaultTag(readReference(name)));
}

/** Throws when the daemon refuses, or says within the stream that the pull failed. `tag` '' pulls all tags. */
export async function pullImage(client: EngineClient, name: string, tag: string, options: PullOptions): Promise<void> {
  const { domain } = readReference(name);
  const headers = await registryAuthHeaders(options.config, domain, (text) => options.err.line(text));
  const query = { fromImage: name, tag: tag || undefined, platform: options.platform || undefined };
  const messages = client.lines<ProgressMessage>('POST', '/images/create', { query, headers });
  await showProgress(messages, options.isQuiet ? undefined : options.out);
}

/** A helper that fails is no reason not to try without: what the registry then says, and why, is told. */
export async function registryAuthHeaders(
  config: ConfigFile,
  host: string,
  warn: (text: string) => void,
): Promise<Record<string, string>> {
  let auth: RegistryAuth | undefined;
  try {
    auth = await credentialsFor(config, host);
  } catch (error) {
    warn(`WARNING: no credentials for ${host}: ${(error as Error).message}`);
  }
  if (auth === undefined) return {};
  return { 'X-Registry-Auth': Buffer.from(JSON.stringify(auth)).toString('base64url') };
}
