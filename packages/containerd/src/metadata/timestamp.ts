// Points in time as google.protobuf.Timestamp says them, and as RFC 3339 text in the rows of meta.db.
export interface Timestamp {
  /** Since the epoch. */
  seconds: number;
  nanos: number;
}

/** The wall clock, to the microsecond where the machine gives it. */
export function now(): Timestamp {
  const ms = performance.timeOrigin + performance.now();
  const seconds = Math.floor(ms / 1000);
  return { seconds, nanos: Math.floor((ms - seconds * 1000) * 1e6) };
}

export function toText(time: Timestamp): string {
  const whole = new Date(time.seconds * 1000).toISOString().slice(0, 19);
  return `${whole}.${String(time.nanos).padStart(9, '0')}Z`;
}

export function fromText(text: string): Timestamp {
  return { seconds: Date.parse(`${text.slice(0, 19)}Z`) / 1000, nanos: Number(text.slice(20, 29)) };
}
