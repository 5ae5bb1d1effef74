// Pulling: the call, the credentials it sends, and the check that it went well.
import { familiarReference, parseReference, withDefaultTag } from '@tscontainer/core/reference';
import type { ConfigFile } from '../cli/config-file.ts';
import type { Output } from '../cli/output.ts';
import { showProgress } from '../format/progress.ts';
import type { ProgressMessage } from '../format/progress-message.ts';
import type { EngineClient } from './engine-client.ts';

export interface PullOptions {
  platform: string;
  isQuiet: boolean;
  config: ConfigFile;
  out: Output;
}

export function imagePath(name: string): string {
  return `/images/${name.split('/').map(encodeURIComponent).join('/')}`;
}

/** `busybox` -> `busybox:latest`. Throws invalid-argument. */
export function withLatest(name: string): string {
  return familiarReference(withDefaultTag(parseReference(name)));
}

/** Throws when the daemon refuses, or says within the stream that the pull failed. `tag` '' pulls all tags. */
export async function pullImage(client: EngineClient, name: string, tag: string, options: PullOptions): Promise<void> {
  const { domain } = parseReference(name);
  const headers = registryAuthHeaders(options.config, domain);
  const query = { fromImage: name, tag: tag || undefined, platform: options.platform || undefined };
  const messages = client.lines<ProgressMessage>('POST', '/images/create', { query, headers });
  await showProgress(messages, options.isQuiet ? undefined : options.out);
}

export function registryAuthHeaders(config: ConfigFile, host: string): Record<string, string> {
  const auth = config.authFor(host);
  if (auth === undefined) return {};
  return { 'X-Registry-Auth': Buffer.from(JSON.stringify(auth)).toString('base64url') };
}
