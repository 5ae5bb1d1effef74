// Translates a registry's refusal (status and the distribution specification's error JSON) into our error, once.
import type { IncomingMessage } from 'node:http';
import { ContainerError, type ErrorCode } from '@tscontainer/core/errors';
import { readErrorBody } from './http-exchange.ts';

interface RegistryProblem {
  code?: string;
  message?: string;
}

function codeFromRegistryStatus(status: number): ErrorCode {
  if (status === 401) return 'unauthenticated';
  if (status === 403) return 'permission-denied';
  if (status === 404) return 'not-found';
  if (status === 416) return 'out-of-range';
  if (status === 429) return 'resource-exhausted';
  if (status >= 500 || status === 408) return 'unavailable';
  return 'invalid-argument';
}

function problemsOf(body: Buffer): RegistryProblem[] {
  try {
    const parsed = JSON.parse(body.toString('utf8')) as { errors?: RegistryProblem[] };
    return Array.isArray(parsed.errors) ? parsed.errors : [];
  } catch {
    return []; // a proxy's HTML page says nothing a user needs beside the status
  }
}

/** `manifest unknown: manifest unknown`: the code in words, then the message, as docker prints them. */
function sentence({ code, message }: RegistryProblem): string {
  const words = (code ?? 'unknown').toLowerCase().replaceAll('_', ' ');
  return message === undefined || message === '' ? words : `${words}: ${message}`;
}

/** Reads the body. `reason` is the registry's first error code in kebab case, or `registry-refused`. */
export async function errorFromResponse(operation: string, response: IncomingMessage): Promise<ContainerError> {
  const status = response.statusCode ?? 0;
  const body = await readErrorBody(response).catch(() => Buffer.alloc(0)); // the status alone is an answer
  const problems = problemsOf(body);
  const first = problems[0]?.code?.toLowerCase().replaceAll('_', '-');
  const text =
    problems.length > 0 ? problems.map(sentence).join('; ') : `status ${status} ${response.statusMessage ?? ''}`.trim();
  return new ContainerError(codeFromRegistryStatus(status), `${operation}: ${text}`, {
    reason: first ?? 'registry-refused',
    details: { status, registry: text },
  });
}
