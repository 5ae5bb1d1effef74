// Types of protos/ttrpc/ttrpc.proto, written by scripts/generate-contracts.ts.
import type { Status } from '../google/rpc/status.ts';

/** What a caller sends to open a stream; the payload is the encoded argument. timeout_nano 0 means no deadline. */
export interface Request {
  service: string;
  method: string;
  payload: Buffer;
  timeoutNano: number;
  metadata: KeyValue[];
}

/** What ends a call; the payload is the encoded result and counts only when the status is OK or absent. */
export interface Response {
  status: Status | null;
  payload: Buffer;
}

/** The values that stand under one metadata key. */
export interface StringList {
  list: string[];
}

/** One metadata pair; a key that has several values is sent several times. */
export interface KeyValue {
  key: string;
  value: string;
}
