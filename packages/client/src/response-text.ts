// An answer read to its end, as text, and what a refusal says in it. The connection is the caller.
import type { IncomingMessage } from 'node:http';

/** The body as it came. */
export async function readText(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}

/** The engine's words, or a proxy's as they are. */
export function messageOf(text: string): string {
  if (!text.startsWith('{')) return text;
  try {
    return String((JSON.parse(text) as { message?: string }).message ?? text);
  } catch {
    return text; // a proxy's answer may look like JSON and not be it: show it as it came
  }
}
