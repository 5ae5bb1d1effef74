// GET /events: what happened since, as far as it is kept, and what happens until.
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { EngineContext } from '../../containers/engine-context.ts';
import { type EngineEvent, eventFilters, eventView, matchesEvent } from '../../events/event-hub.ts';
import { WaitingEvents } from '../../events/waiting-events.ts';
import { nowNs, parseTimestamp } from '../../go-time.ts';
import { openJsonLines } from '../../http/ndjson.ts';
import { type Query, queryFilters, queryText } from '../../http/query.ts';

export function registerEventRoutes(app: FastifyInstance, context: EngineContext): void {
  app.get<{ Querystring: Query }>('/events', async (request, reply) => streamEvents(context, request, reply));
}

async function streamEvents(
  { events, log }: EngineContext,
  request: FastifyRequest<{ Querystring: Query }>,
  reply: FastifyReply,
): Promise<void> {
  const { query } = request;
  const filters = queryFilters(query, eventFilters);
  // the beginning of time asks for all that is kept, no time for what comes
  const since = queryText(query, 'since') === '0' ? 0n : parseTimestamp('since', queryText(query, 'since'));
  const until = parseTimestamp('until', queryText(query, 'until'));
  const lines = openJsonLines(request, reply);
  const waiting = new WaitingEvents();
  const add = (event: EngineEvent) => {
    if (matchesEvent(event, filters)) waiting.add(event);
  };
  const past = since === undefined ? [] : events.recent(since);
  for (const event of past) if (until === undefined || event.timeNs <= until) add(event);
  const unsubscribe = events.subscribe(add);
  const end = () => waiting.end();
  const timer = until === undefined ? undefined : setTimeout(end, millisecondsUntil(until));
  lines.signal.addEventListener('abort', end);
  try {
    for (let batch = await waiting.next(); batch !== undefined; batch = await waiting.next())
      for (const event of batch) await lines.write(eventView(event));
  } finally {
    unsubscribe();
    clearTimeout(timer);
    if (waiting.isOverrun) {
      log.warn('a client of the event stream takes no events: given up');
      reply.raw.destroy(); // broken off: an end in good order would say that nothing is missing
    } else lines.end();
  }
}

/** setTimeout's own bound: later than that, a stream ends too early. */
const maxTimerMs = 2 ** 31 - 1;

function millisecondsUntil(timeNs: bigint): number {
  const leftNs = timeNs - nowNs();
  return leftNs <= 0n ? 0 : Math.min(Number(leftNs / 1_000_000n) + 1, maxTimerMs);
}
