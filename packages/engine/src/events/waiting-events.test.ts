// Order, end and bound of what waits for a client of the event stream.
import { describe, expect, it } from 'vitest';
import type { EngineEvent } from './event-hub.ts';
import { maxWaitingEvents, WaitingEvents } from './waiting-events.ts';

const event = (number: number): EngineEvent => ({
  type: 'container',
  action: 'top',
  id: String(number),
  attributes: {},
  timeNs: BigInt(number),
});
const idsOf = (events: EngineEvent[] | undefined) => events?.map(({ id }) => id);

describe('WaitingEvents', () => {
  it('gives them in order, waits for more, and what came before the end after it', async () => {
    const waiting = new WaitingEvents();
    const first = waiting.next();
    waiting.add(event(1));
    waiting.add(event(2));
    expect(idsOf(await first)).toEqual(['1', '2']);
    waiting.add(event(3));
    waiting.end();
    waiting.add(event(4));
    expect(idsOf(await waiting.next())).toEqual(['3']);
    expect(await waiting.next()).toBeUndefined();
    expect(waiting.isOverrun).toBe(false);
  });

  it('ends for a client that takes none, and keeps nothing for it', async () => {
    const waiting = new WaitingEvents();
    for (let number = 0; number <= maxWaitingEvents; number++) waiting.add(event(number));
    expect(waiting.isOverrun).toBe(true);
    expect(await waiting.next()).toBeUndefined();
  });
});
