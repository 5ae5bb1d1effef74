// The container calls that more than one command makes, in the API's words.
import type { EngineClient, HijackedStream } from './engine-client.ts';
import { missingObject } from './engine-error.ts';

export interface ContainerDetails {
  Id: string;
  Name: string;
  Config: { Tty: boolean; OpenStdin: boolean; StdinOnce: boolean; AttachStdin: boolean; Image: string };
  HostConfig: { AutoRemove: boolean; NetworkMode: string };
  State: { Running: boolean; Paused: boolean; Restarting: boolean; ExitCode: number; Status: string; Pid: number };
  NetworkSettings: { Ports: Record<string, { HostIp: string; HostPort: string }[] | null> | null };
}

export interface WaitAnswer {
  StatusCode: number;
  Error?: { Message: string } | null;
}

export function containerPath(name: string): string {
  return `/containers/${encodeURIComponent(name)}`;
}

/** Throws "Error: No such container: x" when it is missing. */
export async function inspectContainer(client: EngineClient, name: string): Promise<ContainerDetails> {
  try {
    return await client.json<ContainerDetails>('GET', `${containerPath(name)}/json`);
  } catch (error) {
    throw missingObject('container', name, error);
  }
}

export interface AttachedStreams {
  stdin: boolean;
  stdout: boolean;
  stderr: boolean;
  logs?: boolean;
  detachKeys: string;
}

export async function attachContainer(
  client: EngineClient,
  name: string,
  streams: AttachedStreams,
): Promise<HijackedStream> {
  const { stdin, stdout, stderr, logs, detachKeys } = streams;
  const query = { stream: true, stdin, stdout, stderr, logs, detachKeys: detachKeys || undefined };
  return await client.hijack(`${containerPath(name)}/attach`, { query, contentType: 'text/plain' });
}

/**
 * Asks for the next exit (or the removal). Resolves once the daemon has taken note, so that the container may be started;
 * what it gives resolves at the exit.
 */
export async function beginWait(
  client: EngineClient,
  name: string,
  condition: 'next-exit' | 'removed' | 'not-running',
): Promise<{ exited: Promise<number> }> {
  const response = await client.call('POST', `${containerPath(name)}/wait`, { query: { condition } });
  const exited = (async () => {
    const chunks: Buffer[] = [];
    for await (const chunk of response) chunks.push(chunk as Buffer);
    const answer = JSON.parse(Buffer.concat(chunks).toString()) as WaitAnswer;
    if (answer.Error?.Message) process.stderr.write(`Error waiting for container: ${answer.Error.Message}\n`);
    return answer.StatusCode;
  })();
  // awaited later: a failure meanwhile must not count as unhandled
  exited.catch(() => undefined);
  return { exited };
}
