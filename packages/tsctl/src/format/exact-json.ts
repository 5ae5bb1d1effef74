// JSON whose 64-bit numbers survive: what does not fit a JavaScript number is kept as it was written, to be printed again.

interface RawJson {
  rawJSON: string;
}

/** Of ES2025, not yet in TypeScript's library. */
const json = JSON as unknown as {
  rawJSON(text: string): RawJson;
  isRawJSON(value: unknown): value is RawJson;
  parse(text: string, revive: (key: string, value: unknown, context: { source?: string }) => unknown): unknown;
};

export function parseExact(text: string): unknown {
  return json.parse(text, (_key, value, { source }) => {
    return typeof value === 'number' && !Number.isSafeInteger(value) && /^-?\d+$/.test(source ?? '')
      ? json.rawJSON(source ?? '')
      : value;
  });
}

/** The digits of a number that was kept as written; undefined for any other value. */
export function exactDigits(value: unknown): string | undefined {
  return json.isRawJSON(value) ? value.rawJSON : undefined;
}
