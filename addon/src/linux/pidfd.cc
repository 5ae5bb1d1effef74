// Processes by pidfd: see the header.
#include "linux/pidfd.h"

#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/syscall.h>

#include <cstdio>
#include <cstdlib>

namespace tsc {

std::uint64_t process_start_time(pid_t pid, char* state) noexcept {
  char path[40];
  std::snprintf(path, sizeof path, "/proc/%d/stat", pid);
  const UniqueFd fd(::open(path, O_RDONLY | O_CLOEXEC));
  if (!fd) return 0;
  char text[1024];
  const ssize_t count = ::read(fd.get(), text, sizeof text - 1);
  if (count <= 0) return 0;
  text[count] = '\0';
  // The command name, in parentheses, may hold anything: count fields from its last parenthesis.
  const char* cursor = strrchr(text, ')');
  if (cursor == nullptr || cursor[1] == '\0') return 0;
  cursor += 2;
  if (state != nullptr) *state = *cursor;
  for (int field = 3; field < 22; ++field) {
    cursor = strchr(cursor, ' ');
    if (cursor == nullptr) return 0;
    ++cursor;
  }
  return std::strtoull(cursor, nullptr, 10);
}

UniqueFd open_recorded_process(pid_t pid, std::uint64_t start_time) noexcept {
  if (pid <= 0) return UniqueFd();
  UniqueFd fd(static_cast<int>(syscall(SYS_pidfd_open, pid, 0)));
  // Only now: once the pidfd is open, the pid cannot be given to another process unseen.
  if (!fd || process_start_time(pid) != start_time) return UniqueFd();
  return fd;
}

bool is_process_running(pid_t pid, std::uint64_t start_time) noexcept {
  char state = 0;
  return pid > 0 && start_time != 0 && process_start_time(pid, &state) == start_time && state != 'Z' && state != 'X';
}

UniqueFd take_fd(int pidfd, int fd) noexcept {
  return UniqueFd(static_cast<int>(syscall(SYS_pidfd_getfd, pidfd, fd, 0)));
}

bool signal_process(int pidfd, int signal) noexcept {
  return syscall(SYS_pidfd_send_signal, pidfd, signal, nullptr, 0) == 0;
}

bool wait_for_end(int pidfd, int timeout_ms) noexcept {
  pollfd watched = {pidfd, POLLIN, 0};
  int ready;
  do {
    ready = ::poll(&watched, 1, timeout_ms);
  } while (ready < 0 && errno == EINTR);
  return ready > 0;
}

}  // namespace tsc
