// Speaks docker's credential helper protocol: `docker-credential-NAME get|store|erase`, JSON on standard input and output.
import { spawn } from 'node:child_process';
import { ContainerError, errorMessageOf } from '@tscontainer/core/errors';

export interface HelperCredentials {
  username: string;
  secret: string;
}

/** A helper that asks a person or a network is given this long. */
const timeoutMs = 60_000;
const maxOutputBytes = 256 * 1024;
const namePattern = /^[A-Za-z0-9][A-Za-z0-9._-]*$/;
/** What helpers say on standard output, with exit code 1, of a server that they do not know. */
const notFoundPattern = /credentials not found/i;

/** Resolves undefined when the helper has none for that server. Rejects unavailable when it cannot be run or fails. */
export async function helperGet(name: string, server: string): Promise<HelperCredentials | undefined> {
  const { code, stdout } = await runHelper(name, 'get', server);
  if (code !== 0) {
    if (notFoundPattern.test(stdout)) return undefined;
    throw failed(name, 'get', stdout.trim() || `exit ${code}`);
  }
  let answer: { Username?: unknown; Secret?: unknown };
  try {
    answer = JSON.parse(stdout);
  } catch (error) {
    throw failed(name, 'get', 'its answer is not JSON', error);
  }
  const { Username: username, Secret: secret } = answer;
  if (typeof username !== 'string' || typeof secret !== 'string') throw failed(name, 'get', 'its answer has no secret');
  return { username, secret };
}

export async function helperStore(name: string, server: string, credentials: HelperCredentials): Promise<void> {
  const input = { ServerURL: server, Username: credentials.username, Secret: credentials.secret };
  const { code, stdout } = await runHelper(name, 'store', JSON.stringify(input));
  if (code !== 0) throw failed(name, 'store', stdout.trim() || `exit ${code}`);
}

/** No error when it had none. */
export async function helperErase(name: string, server: string): Promise<void> {
  const { code, stdout } = await runHelper(name, 'erase', server);
  if (code !== 0 && !notFoundPattern.test(stdout)) throw failed(name, 'erase', stdout.trim() || `exit ${code}`);
}

function runHelper(name: string, verb: string, input: string): Promise<{ code: number | null; stdout: string }> {
  if (!namePattern.test(name))
    throw new ContainerError('invalid-argument', `credential helper ${JSON.stringify(name)}: not a helper's name`);
  return new Promise((resolve, reject) => {
    const child = spawn(`docker-credential-${name}`, [verb], { stdio: ['pipe', 'pipe', 'ignore'], timeout: timeoutMs });
    const chunks: Buffer[] = [];
    let length = 0;
    child.stdout.on('data', (chunk: Buffer) => {
      length += chunk.length;
      if (length > maxOutputBytes) child.kill();
      else chunks.push(chunk);
    });
    child.on('error', (error) => reject(failed(name, verb, errorMessageOf(error), error)));
    child.on('close', (code) => resolve({ code, stdout: Buffer.concat(chunks).toString('utf8') }));
    child.stdin.on('error', () => undefined); // a helper may end without reading; its exit code tells
    child.stdin.end(input);
  });
}

function failed(name: string, verb: string, what: string, cause?: unknown): ContainerError {
  return new ContainerError('unavailable', `credential helper docker-credential-${name} ${verb}: ${what}`, { cause });
}
