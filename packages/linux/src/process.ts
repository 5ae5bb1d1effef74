// Facts and switches of processes that Node has no call for: subreaper, and who is at the other end of a socket.
import { native } from './native.ts';

export interface PeerCredentials {
  /** In the caller's pid namespace; 0 when the peer is outside of it. */
  pid: number;
  uid: number;
  gid: number;
}

/** Makes this process the parent of its orphaned descendants (prctl(2) PR_SET_CHILD_SUBREAPER). It holds until exit. */
export function setSubreaper(): void {
  native().setSubreaper();
}

/** Gives the pages that malloc keeps for later back to the kernel (malloc_trim(3)); takes some milliseconds. */
export function trimMalloc(): void {
  native().trimMalloc();
}

/**
 * Who connected a unix socket (SO_PEERCRED, unix(7)): the credentials at connect(2) time. Throws invalid-argument when
 * `fd` is no socket.
 */
export function peerCredentials(fd: number): PeerCredentials {
  return native().peerCredentials(fd);
}
