// Types of protos/containerd/services/streaming/v1/streaming.proto, written by scripts/generate-contracts.ts.
import type { Any } from '../../../../google/protobuf/well-known.ts';
import type { Duplex } from '../../../../message-forms.ts';

/** Opens a stream: the client sends a StreamInit first and waits for an answer before it uses the id elsewhere. */
export interface Streaming {
  Stream: Duplex<Any, Any>;
}

/** The id by which other calls will name the stream. */
export interface StreamInit {
  id: string;
}
