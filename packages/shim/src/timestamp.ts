// Moments as google.protobuf.Timestamp: of now, and of an exit record's nanoseconds.

export interface Timestamp {
  seconds: number;
  nanos: number;
}

const nanosPerSecond = 1_000_000_000n;

export function timestampFromNs(epochNs: bigint): Timestamp {
  return { seconds: Number(epochNs / nanosPerSecond), nanos: Number(epochNs % nanosPerSecond) };
}

export function timestampNow(): Timestamp {
  return timestampFromNs(BigInt(Date.now()) * 1_000_000n);
}
