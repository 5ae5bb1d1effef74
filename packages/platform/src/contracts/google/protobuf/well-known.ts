// Types of google/protobuf, written by scripts/generate-contracts.ts.

export interface Any {
  typeUrl: string;
  value: Buffer;
}

export interface Timestamp {
  seconds: number;
  nanos: number;
}

export type Empty = Record<string, never>;

export interface FieldMask {
  paths: string[];
}
