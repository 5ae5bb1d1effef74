// socket(AF_UNIX, SOCK_DGRAM) and connect(2).
#include "linux/unix-datagram.h"

#include <sys/socket.h>
#include <sys/un.h>

#include <cerrno>
#include <cstring>

#include "linux/error.h"

namespace tsc {

UniqueFd connect_unix_datagram(const std::string& path) {
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) {
    errno = ENAMETOOLONG;
    throw_errno("connect datagram socket", "connect", path);
  }
  std::memcpy(address.sun_path, path.c_str(), path.size());
  UniqueFd fd(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd) throw_errno("connect datagram socket", "socket", path);
  if (connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    throw_errno("connect datagram socket", "connect", path);
  return fd;
}

}  // namespace tsc
