// A JSON-lines answer that begins with its first line: a failure before it keeps its HTTP status, a later one goes in-band.
import { errorMessageOf } from '@tscontainer/core/errors';
import type { FastifyReply, FastifyRequest } from 'fastify';

export interface LateLines {
  write(value: object): void;
  /** Runs the work and ends the answer. Rejects what it threw if nothing was written yet. */
  during(work: () => Promise<void>): Promise<void>;
  /** Aborted when the client goes away. */
  signal: AbortSignal;
}

export function openLateLines(request: FastifyRequest<any>, reply: FastifyReply): LateLines {
  const response = reply.raw;
  const abort = new AbortController();
  response.on('close', () => {
    if (!response.writableFinished) abort.abort();
  });
  let isOpen = false;
  const open = () => {
    if (isOpen) return;
    isOpen = true;
    reply.hijack();
    response.writeHead(200, { 'Content-Type': 'application/json' });
  };
  const write = (value: object) => {
    open();
    if (!response.destroyed) response.write(`${JSON.stringify(value)}\n`);
  };
  const end = () => {
    open();
    request.raw.resume(); // what is left of the body must not hold the connection
    response.end();
  };
  return {
    signal: abort.signal,
    write,
    during: async (work) => {
      try {
        await work();
      } catch (error) {
        if (!isOpen) throw error;
        const message = errorMessageOf(error);
        write({ errorDetail: { message }, error: message });
      }
      end();
    },
  };
}
