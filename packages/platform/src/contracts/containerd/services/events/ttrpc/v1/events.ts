// Types of protos/containerd/services/events/ttrpc/v1/events.proto, written by scripts/generate-contracts.ts.
import type { Empty } from '../../../../../google/protobuf/well-known.ts';
import type { Unary } from '../../../../../message-forms.ts';
import type { Envelope } from '../../../../types/event.ts';

/** Takes a shim's events, in the order in which it sends them. */
export interface Events {
  Forward: Unary<ForwardRequest, Empty>;
}

/** One event of a shim. */
export interface ForwardRequest {
  envelope: Envelope | null;
}
