// SO_PEERCRED, unix(7).
#include "linux/peer-credentials.h"

#include <sys/socket.h>

#include <cerrno>

#include "linux/error.h"

namespace tsc {

PeerCredentials peer_credentials(int fd) {
  ucred peer = {};
  socklen_t length = sizeof peer;
  if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &length) != 0) {
    const int error = errno == ENOTSOCK || errno == EBADF ? EINVAL : errno;
    throw_errno(error, "read peer credentials", "getsockopt");
  }
  return {peer.pid, peer.uid, peer.gid};
}

}  // namespace tsc
