// containerd.services.events.v1.Events, and its ttrpc sister that shims forward to.
import { ContainerError } from '@tscontainer/core/errors';
import { loadService } from '@tscontainer/platform/contract-loader';
import type { CallContext, ServedService } from '@tscontainer/platform/grpc-server';
import type { TtrpcService } from '@tscontainer/platform/ttrpc/ttrpc-server';
import type { Daemon } from '../daemon.ts';
import type { AnyMessage, Envelope } from '../events/event-exchange.ts';
import { now, type Timestamp } from '../metadata/timestamp.ts';
import { required, scopeOf } from './request-fields.ts';

type WireEnvelope = Omit<Envelope, 'timestamp' | 'event'> & { timestamp: Timestamp | null; event: AnyMessage | null };

interface ForwardTarget {
  forward(envelope: Envelope): Promise<void> | void;
}

function forward(events: ForwardTarget) {
  return async (request: { envelope: WireEnvelope | null }) => {
    const { timestamp, namespace, topic, event } = required(request.envelope, 'envelope');
    await events.forward({ timestamp: timestamp ?? now(), namespace, topic, event: required(event, 'event') });
    return {};
  };
}

/** The shim waits for nothing: whoever heard of the event comes first. */
function acknowledgedLater<Q, R>(handler: (request: Q) => Promise<R>): (request: Q) => Promise<R> {
  return async (request) => {
    const answer = await handler(request);
    await new Promise((resolve) => setImmediate(resolve));
    return answer;
  };
}

export function eventsService({ events }: Pick<Daemon, 'events'>): ServedService {
  return {
    definition: loadService('containerd/services/events/v1/events.proto', 'containerd.services.events.v1.Events'),
    handlers: {
      Publish: async ({ topic, event }: { topic: string; event: AnyMessage | null }, context: CallContext) => {
        if (context.namespace === '')
          throw new ContainerError(
            'failed-precondition',
            'failed publishing event: namespace is required: failed precondition',
          );
        events.publish(scopeOf(context).namespace, topic, required(event, 'event'));
        return {};
      },
      Forward: forward(events),
      // not a generator: the subscription stands from the call on, not from the first read
      Subscribe: ({ filters }: { filters: string[] }, context: CallContext) =>
        events.subscribe(filters, context.signal),
    },
  };
}

/** `events` sees each event of a shim, in the order of its sending. */
export function ttrpcEventsService(events: ForwardTarget): TtrpcService {
  const name = 'containerd.services.events.ttrpc.v1.Events';
  return {
    name,
    definition: loadService('containerd/services/events/ttrpc/v1/events.proto', name),
    handlers: { Forward: acknowledgedLater(forward(events)) },
  };
}
