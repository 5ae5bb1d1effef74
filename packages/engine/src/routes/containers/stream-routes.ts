// The streams of a container: attach (hijacked) and logs.
import { ContainerError, errorMessageOf } from '@tscontainer/core/errors';
import type { FastifyInstance } from 'fastify';
import { attachClient } from '../../containers/attach-session.ts';
import type { EngineContext } from '../../containers/engine-context.ts';
import { parseTimestamp } from '../../go-time.ts';
import { isAtLeast } from '../../http/api-version.ts';
import { acceptRaw, type HijackRoute } from '../../http/hijack.ts';
import { type Query, queryBool, queryText } from '../../http/query.ts';
import { frameHeader, multiplexedStreamType, rawStreamType, whenRoom } from '../../http/stream-frames.ts';
import { logFileOptions } from '../../logs/log-drivers.ts';
import type { LogEntry } from '../../logs/log-lines.ts';
import { readLog } from '../../logs/log-reader.ts';

interface ById {
  Params: { id: string };
  Querystring: Query;
}

export function registerStreamRoutes(app: FastifyInstance, hijackRoutes: HijackRoute[], context: EngineContext): void {
  hijackRoutes.push({
    method: 'POST',
    pattern: /^\/containers\/([^/]+)\/attach$/,
    handler: async (request) => {
      const container = context.index.find(request.id);
      const isMultiplexed = !container.settings.config.Tty && isAtLeast(request.apiVersion, '1.42');
      await attachClient(context, container, request.query, () =>
        request.accept(isMultiplexed ? multiplexedStreamType : rawStreamType),
      );
    },
  });

  hijackRoutes.push({
    method: 'GET',
    pattern: /^\/containers\/([^/]+)\/attach\/ws$/,
    handler: async (request) => {
      const container = context.index.find(request.id);
      await attachClient(context, container, request.query, () => request.accept(rawStreamType));
    },
  });

  // without a handshake
  app.get<ById>('/containers/:id/attach/ws', async (request) => {
    context.index.find(request.params.id);
    throw new ContainerError('invalid-argument', 'not a WebSocket handshake of version 13');
  });

  app.post<ById>('/containers/:id/attach', async (request, reply) => {
    const container = context.index.find(request.params.id);
    await attachClient(context, container, request.query, () => {
      reply.hijack();
      return acceptRaw(request.raw, reply.raw, rawStreamType);
    });
  });

  app.get<ById>('/containers/:id/logs', async (request, reply) => {
    const { query } = request;
    const container = context.index.find(request.params.id);
    const wanted = { stdout: queryBool(query, 'stdout'), stderr: queryBool(query, 'stderr') };
    if (!wanted.stdout && !wanted.stderr)
      throw new ContainerError('invalid-argument', 'Bad parameters: you must choose at least one stream');
    const { LogConfig } = container.settings.hostConfig;
    if (LogConfig.Type === 'none')
      throw new ContainerError('unimplemented', 'configured logging driver does not support reading');
    const isTty = container.settings.config.Tty;
    const tail = tailOf(queryText(query, 'tail'));
    const since = parseTimestamp('since', queryText(query, 'since'));
    const until = parseTimestamp('until', queryText(query, 'until'));
    const abort = new AbortController();
    reply.hijack();
    const response = reply.raw;
    response.on('close', () => abort.abort());
    request.raw.resume();
    response.writeHead(200, {
      'Content-Type': isTty || !isAtLeast(request.apiVersion, '1.42') ? rawStreamType : multiplexedStreamType,
    });
    response.flushHeaders();
    const follow = queryBool(query, 'follow') ? container.run?.pump.file : undefined;
    try {
      const batches = readLog({
        path: context.paths.logFile(container.id),
        maxFiles: logFileOptions(LogConfig)?.maxFiles ?? 1,
        tail,
        since,
        until,
        follow,
        signal: abort.signal,
      });
      for await (const entries of batches) {
        const bytes = renderEntries(entries, wanted, {
          isTty,
          hasTimestamps: queryBool(query, 'timestamps'),
          hasDetails: queryBool(query, 'details'),
        });
        if (bytes.length > 0 && !response.write(bytes)) await whenRoom(response);
        if (abort.signal.aborted) break;
      }
    } catch (error) {
      context.log.warn({ id: container.id, err: errorMessageOf(error) }, 'log not readable');
    }
    response.end();
  });
}

function tailOf(text: string | undefined): number | undefined {
  if (text === undefined || text === '' || text === 'all') return undefined;
  const count = Number(text);
  // docker takes what is no number for all
  return Number.isInteger(count) && count >= 0 ? count : undefined;
}

interface RenderOptions {
  isTty: boolean;
  hasTimestamps: boolean;
  hasDetails: boolean;
}

/** Payload of one frame at most, in characters: lines of one stream that follow each other share a frame. */
const maxFrameCharacters = 32 * 1024;

function renderEntries(
  entries: LogEntry[],
  wanted: Record<LogEntry['stream'], boolean>,
  options: RenderOptions,
): Buffer {
  const pieces: Buffer[] = [];
  let stream: LogEntry['stream'] = 'stdout';
  let text = '';
  const flush = () => {
    if (text === '') return;
    const bytes = Buffer.from(text);
    if (!options.isTty) pieces.push(frameHeader(stream, bytes.length));
    pieces.push(bytes);
    text = '';
  };
  for (const entry of entries) {
    if (!wanted[entry.stream]) continue;
    // with timestamps a line is a frame of its own, since clients sort and cut by frames
    if (entry.stream !== stream || text.length >= maxFrameCharacters || options.hasTimestamps) flush();
    stream = entry.stream;
    const details = options.hasDetails ? `${attributesText(entry)} ` : '';
    text += `${options.hasTimestamps ? `${padTime(entry.time)} ` : ''}${details}${entry.text}`;
  }
  flush();
  return Buffer.concat(pieces);
}

/** `a=b,c=d`, names and values as in a URL's query. */
function attributesText({ attributes = {} }: LogEntry): string {
  const escaped = (text: string) => new URLSearchParams([['', text]]).toString().slice(1);
  return Object.keys(attributes)
    .sort()
    .map((name) => `${escaped(name)}=${escaped(attributes[name] ?? '')}`)
    .join(',');
}

/** RFC3339NanoFixed: always nine digits, as docker's logs show. */
function padTime(time: string): string {
  const [whole = '', fraction = ''] = time.replace(/Z$/, '').split('.');
  return `${whole}.${fraction.padEnd(9, '0')}Z`;
}
