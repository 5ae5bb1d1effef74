// NotifyProxy: see the header.
#include "cli/notify-proxy.h"

#include <fcntl.h>
#include <poll.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>

#include "cli/fd-socket.h"
#include "linux/error.h"

namespace tsc::cli {
namespace {

constexpr const char* kStep = "proxy NOTIFY_SOCKET";
constexpr size_t kMaxMessage = 4096;
/// How long the service manager may take to have read what we told it. sd_notify_barrier(3)
constexpr int kBarrierMs = 30000;

sockaddr_un address_of(const std::string& path, socklen_t& length) {
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) throw_errno(ENAMETOOLONG, kStep, "connect", path);
  memcpy(address.sun_path, path.c_str(), path.size());
  if (path[0] == '@') address.sun_path[0] = '\0';
  length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size() + (path[0] == '@' ? 0 : 1));
  return address;
}

UniqueFd open_datagram_socket() {
  UniqueFd fd(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd) throw_errno(kStep, "socket");
  return fd;
}

/// Without the lines that only the outside can know.
std::string without_pids(const std::string& text, bool& is_ready) {
  std::string kept;
  size_t begin = 0;
  while (begin < text.size()) {
    size_t end = text.find('\n', begin);
    if (end == std::string::npos) end = text.size();
    const std::string line = text.substr(begin, end - begin);
    begin = end + 1;
    if (line == "READY=1") is_ready = true;
    const bool is_ours = line.rfind("MAINPID", 0) == 0 || line.rfind("BARRIER=", 0) == 0 || line.rfind("FD", 0) == 0;
    if (!line.empty() && !is_ours) kept += line + "\n";
  }
  return kept;
}

}  // namespace

NotifyProxy::NotifyProxy(const std::string& directory, const std::string& outside)
    : inside_(open_datagram_socket()), outside_(open_datagram_socket()) {
  socklen_t length;
  const std::string path = directory + "/notify.sock";
  sockaddr_un address = address_of(path, length);
  if (bind(inside_.get(), reinterpret_cast<sockaddr*>(&address), length) != 0) throw_errno(kStep, "bind", path);
  // The container's user is who writes; the way here leads only through the bind.
  if (chmod(path.c_str(), 0777) != 0) throw_errno(kStep, "chmod", path);
  address = address_of(outside, length);
  if (connect(outside_.get(), reinterpret_cast<sockaddr*>(&address), length) != 0)
    throw_errno(kStep, "connect", outside);
}

void NotifyProxy::wait_for_barrier() {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return;
  const UniqueFd ours(ends[0]);
  UniqueFd theirs(ends[1]);
  send_message(outside_.get(), "BARRIER=1", theirs.get());
  theirs.reset();
  pollfd watched = {ours.get(), 0, 0};
  ::poll(&watched, 1, kBarrierMs);
}

bool NotifyProxy::forward(pid_t main_pid) {
  char buffer[kMaxMessage];
  bool is_ready = false;
  for (;;) {
    const ssize_t size = recv(inside_.get(), buffer, sizeof buffer, 0);
    if (size < 0) break;
    const std::string text = without_pids(std::string(buffer, static_cast<size_t>(size)), is_ready);
    if (!text.empty()) send_message(outside_.get(), text, -1);
  }
  if (!is_ready) return false;
  // A service manager that is gone is no reason to fail the container.
  send_message(outside_.get(), "MAINPID=" + std::to_string(main_pid) + "\n", -1);
  wait_for_barrier();
  return true;
}

void NotifyProxy::wait_until_ready(pid_t pid) {
  const UniqueFd process(static_cast<int>(syscall(SYS_pidfd_open, pid, 0)));
  if (!process) return;  // it has ended: nobody will speak
  for (;;) {
    pollfd watched[2] = {{inside_.get(), POLLIN, 0}, {process.get(), POLLIN, 0}};
    if (::poll(watched, 2, -1) < 0 && errno != EINTR) throw_errno(kStep, "poll");
    if (watched[0].revents != 0 && forward(pid)) return;
    if (watched[1].revents != 0) return;
  }
}

}  // namespace tsc::cli
