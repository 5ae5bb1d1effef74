// gRPC over HTTP/2, what both of our ends need: the prefix of a message, and the text of a status in a header.
import { Buffer } from 'node:buffer';
import { ContainerError } from '@tscontainer/core/errors';

/** Before each message: whether it is compressed, and its length (gRPC over HTTP/2, Length-Prefixed-Message). */
export const messagePrefixBytes = 5;
/** Of a status' text: the rest of a longer one is cut off, so that every peer takes its header. */
const maxStatusTextBytes = 8 * 1024;

/** At the end of an encoded text: the last character beyond ASCII, whole or not, and a begun escape. */
const cutCharacter = /(%[C-F][0-9A-F](%[89AB][0-9A-F])*)?(%[0-9A-F]?)?$/;

export function toBody(message: Uint8Array): Buffer {
  const body = Buffer.allocUnsafe(messagePrefixBytes + message.length);
  body[0] = 0;
  body.writeUInt32BE(message.length, 1);
  body.set(message, messagePrefixBytes);
  return body;
}

/** The one message of a unary call's body. Throws internal, also when it is compressed: that is not offered. */
export function fromBody(method: string, body: Buffer): Buffer {
  if (body.length < messagePrefixBytes || body.length !== messagePrefixBytes + body.readUInt32BE(1))
    throw new ContainerError('internal', `call ${method}: the body is not one message`);
  if (body[0] !== 0)
    throw new ContainerError('internal', `call ${method}: the message is compressed, which was not offered`);
  return body.subarray(messagePrefixBytes);
}

/** Percent-encoded by gRPC's rules. */
export function toStatusText(message: string): string {
  const text = encodeURI(message.toWellFormed());
  if (text.length <= maxStatusTextBytes) return text;
  return text.slice(0, maxStatusTextBytes).replace(cutCharacter, '');
}

/** What was not encoded right is shown as it came. */
export function fromStatusText(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
