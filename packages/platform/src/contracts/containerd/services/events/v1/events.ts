// Types of protos/containerd/services/events/v1/events.proto, written by scripts/generate-contracts.ts.
import type { Any, Empty } from '../../../../google/protobuf/well-known.ts';
import type { ServerStream, Unary } from '../../../../message-forms.ts';
import type { Envelope } from '../../../types/event.ts';

/** Takes events from publishers and gives them to subscribers of every namespace. */
export interface Events {
  Publish: Unary<PublishRequest, Empty>;
  Forward: Unary<ForwardRequest, Empty>;
  Subscribe: ServerStream<SubscribeRequest, Envelope>;
}

/** An event of the caller's namespace, stamped on arrival. */
export interface PublishRequest {
  topic: string;
  event: Any | null;
}

/** An event that already has its time and namespace. */
export interface ForwardRequest {
  envelope: Envelope | null;
}

/** Asks for the events that any of the filters matches, from now on. */
export interface SubscribeRequest {
  filters: string[];
}
