// An fd for a socket: see the header. unix(7), SCM_RIGHTS
#include "cli/fd-socket.h"

#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>

#include "child/context.h"
#include "linux/error.h"
#include "linux/unique-fd.h"

namespace tsc::cli {

bool send_message(int socket, const std::string& text, int passed) {
  iovec data = {const_cast<char*>(text.data()), text.size()};
  return child::send_with_fd(socket, &data, 1, passed) >= 0;
}

void send_fd(const char* step, const std::string& path, int passed, const std::string& name) {
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) throw_errno(ENAMETOOLONG, step, "connect", path);
  memcpy(address.sun_path, path.c_str(), path.size() + 1);
  const UniqueFd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!fd) throw_errno(step, "socket");
  if (connect(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) throw_errno(step, "connect", path);
  if (!send_message(fd.get(), name, passed)) throw_errno(step, "sendmsg", path);
}

void send_pidfd(const std::string& path, pid_t pid) {
  constexpr const char* kStep = "send pidfd";
  const UniqueFd pidfd(static_cast<int>(syscall(SYS_pidfd_open, pid, 0)));
  if (!pidfd) throw_errno(kStep, "pidfd_open");
  send_fd(kStep, path, pidfd.get(), "pidfd");
}

}  // namespace tsc::cli
