// One attached client: output from the hub, input to the container's stdin, ended by exit, detach keys or disconnect.
import type { Writable } from 'node:stream';
import { ContainerError, errorMessageOf } from '@tscontainer/core/errors';
import type { RawConnection } from '../http/hijack.ts';
import { type Query, queryBool, queryText } from '../http/query.ts';
import { whenRoom, writePiece } from '../http/stream-frames.ts';
import { logFileOptions } from '../logs/log-drivers.ts';
import { readLog } from '../logs/log-reader.ts';
import type { OutputName } from '../logs/output-pump.ts';
import type { AttachedClient } from './attach-hub.ts';
import type { Container } from './container.ts';
import { checkNotRestarting } from './container-stopper.ts';
import type { EngineContext } from './engine-context.ts';
import { parseDetachKeys, pumpInput } from './input-pump.ts';

/** A client with this many bytes in flight holds the container's output back. */
const maxBufferedBytes = 1024 * 1024;

/** `accept` is called when nothing can be refused any more. Resolves when the connection is set up. */
export async function attachClient(
  context: EngineContext,
  container: Container,
  query: Query,
  accept: () => RawConnection,
): Promise<void> {
  checkNotRestarting(container);
  if (container.state.status === 'paused')
    throw new ContainerError(
      'failed-precondition',
      `container ${container.id} is paused, unpause the container before attach`,
    );
  const { Tty, OpenStdin } = container.settings.config;
  const detachKeys = parseDetachKeys(queryText(query, 'detachKeys'));
  const wanted: Record<OutputName, boolean> = {
    stdout: queryBool(query, 'stdout'),
    stderr: queryBool(query, 'stderr'),
  };
  const wantsStream = queryBool(query, 'stream');
  const wantsInput = queryBool(query, 'stdin') && OpenStdin;
  const connection = accept();
  const { output } = connection;
  const isRaw = Tty || connection.isRaw === true;
  if (queryBool(query, 'logs')) await replayLog(context, container, output, isRaw, wanted);
  if (!wantsStream) return void output.end();
  const client: AttachedClient = {
    write: (stream, piece) => {
      if (!wanted[stream] || output.destroyed || output.writableEnded) return true;
      writePiece(output, isRaw, stream, piece);
      return output.writableLength < maxBufferedBytes;
    },
    end: () => void output.end(),
  };
  // also for input alone: it is ended with the container
  if (wanted.stdout || wanted.stderr || wantsInput) container.hub.add(client);
  output.on('drain', () => container.hub.drained(client));
  output.on('close', () => container.hub.delete(client));
  output.on('error', () => container.hub.delete(client));
  context.events.publish('container', 'attach', container.id, container.eventAttributes());
  if (!wantsInput) {
    connection.input.resume();
    return;
  }
  const detach = () => {
    container.hub.delete(client);
    output.end();
    context.events.publish('container', 'detach', container.id, container.eventAttributes());
  };
  connectInput(context, container, connection, Tty ? detachKeys : undefined, detach);
}

/** Input may come before the container is started: it waits in the socket until there is a stdin. */
function connectInput(
  context: EngineContext,
  container: Container,
  connection: RawConnection,
  detachKeys: Buffer | undefined,
  onDetach: () => void,
): void {
  const stdin = container.run?.stdin;
  if (stdin === undefined) {
    const forget = container.onNextRun(() => connectInput(context, container, connection, detachKeys, onDetach));
    connection.output.once('close', forget);
    return;
  }
  const { StdinOnce, Tty } = container.settings.config;
  pumpInput(connection.input, stdin, {
    closesAtEnd: StdinOnce && !Tty,
    detachKeys,
    onDetach,
    opened: container.starting ?? Promise.resolve(),
    onClosed: async () => {
      await context.client.tasks
        .CloseIO({ containerId: container.id, execId: '', stdin: true })
        .catch((error) => context.log.debug({ id: container.id, err: errorMessageOf(error) }, 'stdin not closed'));
    },
  });
}

async function replayLog(
  context: EngineContext,
  container: Container,
  output: Writable,
  isRaw: boolean,
  wanted: Record<OutputName, boolean>,
): Promise<void> {
  const { LogConfig } = container.settings.hostConfig;
  if (LogConfig.Type === 'none') return;
  const query = {
    path: context.paths.logFile(container.id),
    maxFiles: logFileOptions(LogConfig)?.maxFiles ?? 1,
    tail: undefined,
    since: undefined,
    until: undefined,
    follow: undefined,
    signal: new AbortController().signal,
  };
  for await (const entries of readLog(query)) {
    for (const { stream, text } of entries) if (wanted[stream]) writePiece(output, isRaw, stream, Buffer.from(text));
    if (output.destroyed) return;
    if (output.writableNeedDrain) await whenRoom(output);
  }
}
