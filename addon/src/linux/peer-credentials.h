// Who is at the other end of a unix socket.
#pragma once

#include <sys/types.h>

namespace tsc {

struct PeerCredentials {
  pid_t pid = 0;
  uid_t uid = 0;
  gid_t gid = 0;
};

PeerCredentials peer_credentials(int fd);

}  // namespace tsc
