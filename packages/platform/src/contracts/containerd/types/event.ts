// Types of protos/containerd/types/event.proto, written by scripts/generate-contracts.ts.
import type { Any, Timestamp } from '../../google/protobuf/well-known.ts';

/** One event: when it happened, in which namespace, its topic ("/tasks/exit") and its message. */
export interface Envelope {
  timestamp: Timestamp | null;
  namespace: string;
  topic: string;
  event: Any | null;
}
