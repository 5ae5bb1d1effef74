// Newline-delimited (or just concatenated) JSON values out of a byte stream: events, pull progress, stats.
import { ProtocolError } from './errors.ts';

/** The longest single value accepted, in characters. */
const maxLineLength = 16 * 1024 * 1024;

/** Yields each value as soon as its line is complete. Throws ProtocolError when the stream ends within a value. */
export async function* readJsonLines<T>(
  stream: AsyncIterable<unknown>,
  parseValue: (text: string) => unknown = JSON.parse,
): AsyncGenerator<T> {
  const decoder = new TextDecoder();
  let pending = '';
  for await (const chunk of stream) {
    pending += decoder.decode(chunk as Uint8Array, { stream: true });
    const lines = pending.split('\n');
    pending = lines.pop() ?? '';
    if (pending.length > maxLineLength) throw new ProtocolError('read JSON stream: line too long');
    for (const line of lines) if (line.trim() !== '') yield parse<T>(line, parseValue);
  }
  if (pending.trim() !== '') yield parse<T>(pending, parseValue);
}

function parse<T>(line: string, parseValue: (text: string) => unknown): T {
  try {
    return parseValue(line) as T;
  } catch (error) {
    throw new ProtocolError(`read JSON stream: ${(error as Error).message}`, { cause: error });
  }
}
