// Joins a hijacked connection to our stdin, stdout and stderr: run, start -a, attach and exec use it.
//
// Order: open the connection, make the session, start the container, await `finished`. The terminal is raw from `begin`
// until the session ends, however it ends.

import { Demultiplexer } from '@tsctl/client/demultiplexer';
import type { Output } from '../cli/output.ts';
import type { HijackedStream } from '../client/engine-client.ts';
import { DetachWatcher, defaultDetachKeys, parseDetachKeys } from './detach-keys.ts';
import { enterRawMode } from './raw-mode.ts';

export interface SessionOptions {
  hijacked: HijackedStream;
  /** The container has a terminal: bytes are passed on raw. */
  isTerminal: boolean;
  hasStdin: boolean;
  /** '' for the default. */
  detachKeys: string;
  out: Output;
  err: Output;
}

export type SessionEnd = 'ended' | 'detached';

/** Resolves when the daemon closed the stream and all output was written, or when the user detached. */
export async function runStreamSession(options: SessionOptions): Promise<SessionEnd> {
  const leave = options.isTerminal && options.hasStdin ? enterRawMode() : () => undefined;
  const detached = Promise.withResolvers<SessionEnd>();
  const stopInput = options.hasStdin ? sendInput(options, detached.resolve) : endInput(options);
  try {
    return await Promise.race([copyOutput(options), detached.promise]);
  } finally {
    stopInput();
    leave();
    options.hijacked.socket.destroy();
  }
}

/** Half-closes at once: the container reads end of file, its output still comes. */
function endInput(options: SessionOptions): () => void {
  options.hijacked.socket.end();
  return () => undefined;
}

function sendInput(options: SessionOptions, detach: (end: SessionEnd) => void): () => void {
  const { socket } = options.hijacked;
  const watcher = options.isTerminal
    ? new DetachWatcher(parseDetachKeys(options.detachKeys || defaultDetachKeys))
    : undefined;
  const input = process.stdin;
  const onData = (chunk: Buffer) => {
    const { pass, isDetached } = watcher?.push(chunk) ?? { pass: chunk, isDetached: false };
    if (pass.length > 0 && !socket.write(pass)) {
      input.pause();
      socket.once('drain', () => input.resume());
    }
    if (isDetached) detach('detached');
  };
  const onEnd = () => void socket.end();
  input.on('data', onData);
  input.once('end', onEnd);
  input.once('error', onEnd);
  return () => {
    input.off('data', onData);
    input.off('end', onEnd);
    input.pause();
    input.unref?.();
  };
}

async function copyOutput(options: SessionOptions): Promise<SessionEnd> {
  const demultiplexer = options.isTerminal ? undefined : new Demultiplexer();
  const deliver = async (chunk: Buffer) => {
    if (demultiplexer === undefined) return await options.out.writeAndDrain(chunk);
    for (const { stream, payload } of demultiplexer.push(chunk)) {
      await (stream === 'stderr' ? options.err : options.out).writeAndDrain(payload);
    }
  };
  if (options.hijacked.head.length > 0) await deliver(options.hijacked.head);
  try {
    for await (const chunk of options.hijacked.socket) await deliver(chunk as Buffer);
  } catch (error) {
    if (!isConnectionEnd(error)) throw error;
  }
  return 'ended';
}

/** The daemon went away with the stream: what there was has been shown; the exit code tells the rest. */
function isConnectionEnd(error: unknown): boolean {
  return ['ECONNRESET', 'EPIPE', 'ERR_STREAM_PREMATURE_CLOSE'].includes((error as NodeJS.ErrnoException).code ?? '');
}
