// Unread output: see the header. Asked for ever less often, since nothing tells that a FIFO has been emptied.
#include "child/unread-output.h"

#include <sys/ioctl.h>
#include <sys/stat.h>
#include <time.h>

#include "child/context.h"

namespace tsc::child {
namespace {

constexpr std::uint64_t kLingerNs = 3600ull * 1000000000ull;
constexpr long kFirstPauseNs = 1000000;
constexpr long kLastPauseNs = 500000000;

}  // namespace

bool is_unread(int fd) {
  int unread = 0;
  struct stat found;
  return fd >= 0 && ioctl(fd, FIONREAD, &unread) == 0 && unread != 0 && fstat(fd, &found) == 0 && found.st_nlink > 0;
}

void outlast_unread_output(int stdout_fd, int stderr_fd) {
  const std::uint64_t deadline = monotonic_ns() + kLingerNs;
  long pause_ns = kFirstPauseNs;
  while ((is_unread(stdout_fd) || is_unread(stderr_fd)) && monotonic_ns() < deadline) {
    const timespec pause = {0, pause_ns};
    nanosleep(&pause, nullptr);
    if (pause_ns < kLastPauseNs) pause_ns *= 2;
  }
}

}  // namespace tsc::child
