// The loopback interface of a network namespace that was made for the engine: the kernel makes it, and leaves it down.
import { NetlinkSocket } from '@tscontainer/linux/netlink';
import { changeLink, findLink, routeProtocol } from '@tscontainer/linux/route-netlink';

/** Nothing on a host, where it is up. */
export async function raiseLoopback(): Promise<void> {
  const socket = await NetlinkSocket.open(routeProtocol);
  try {
    const loopback = await findLink(socket, 'lo');
    if (loopback !== undefined && !loopback.isUp) await socket.send([changeLink(loopback.index, { isUp: true })]);
  } finally {
    socket.close();
  }
}
