// A JSON-lines answer that begins with its first line: a failure before it keeps its HTTP status, a later one goes in-band.
import { errorMessageOf } from '@tscontainer/core/errors';
import type { FastifyReply, FastifyRequest } from 'fastify';

export interface LateLines {
  write(value: object): void;
  /** Runs the work and ends the answer. Rejects what it threw if nothing was written yet. */
  during(work: () => Promise<void>, toLine?: (error: unknown) => object): Promise<void>;
  /** Aborted when the client goes away. */
  signal: AbortSignal;
  /** Something was written: the status is out. */
  readonly isOpen: boolean;
  /** False: the client lags behind what was written. */
  readonly hasRoom: boolean;
  /** Calls `listener` whenever there is room again; the returned function forgets it. */
  onDrain(listener: () => void): () => void;
}

/** What a client may have in flight, in bytes. */
const maxBufferedBytes = 1024 * 1024;

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
    get isOpen() {
      return isOpen;
    },
    get hasRoom() {
      return response.destroyed || response.writableLength < maxBufferedBytes;
    },
    onDrain: (listener) => {
      response.on('drain', listener);
      response.on('close', listener);
      return () => {
        response.off('drain', listener);
        response.off('close', listener);
      };
    },
    write,
    during: async (work, toLine = errorLine) => {
      try {
        await work();
      } catch (error) {
        if (!isOpen) throw error;
        write(toLine(error));
      }
      end();
    },
  };
}

function errorLine(error: unknown): object {
  const message = errorMessageOf(error);
  return { errorDetail: { message }, error: message };
}
