// Unix sockets that keep message boundaries, which Node does not have: what syslog listens on.
import { native } from './native.ts';

/**
 * A descriptor connected to the socket at `path`: one write is one message. It never waits: a full receiver is EAGAIN.
 * The caller closes it. Throws not-found, unavailable when nobody listens.
 */
export function connectUnixDatagram(path: string): number {
  return native().connectUnixDatagram(path);
}
