// Streams of JSON objects, one a line: events, stats and wait flush their headers before the first object exists.
import type { FastifyReply, FastifyRequest } from 'fastify';
import { whenRoom } from './stream-frames.ts';

export interface JsonLines {
  /** Resolves when the client has room. */
  write(value: unknown): Promise<void>;
  /** `last` goes with the end in one write: a client that waits for it is woken once. */
  end(last?: unknown): void;
  /** Aborted when the client goes away. */
  signal: AbortSignal;
}

/** Takes the reply over: headers go out now. */
export function openJsonLines(request: FastifyRequest, reply: FastifyReply): JsonLines {
  reply.hijack();
  const response = reply.raw;
  const abort = new AbortController();
  response.on('close', () => abort.abort());
  request.raw.resume();
  response.writeHead(200, { 'Content-Type': 'application/json' });
  response.flushHeaders();
  return {
    signal: abort.signal,
    write: async (value) => {
      if (response.destroyed || response.writableEnded) return;
      if (!response.write(`${JSON.stringify(value)}\n`)) await whenRoom(response);
    },
    end: (last) => {
      if (!response.writableEnded) response.end(last === undefined ? undefined : `${JSON.stringify(last)}\n`);
    },
  };
}
