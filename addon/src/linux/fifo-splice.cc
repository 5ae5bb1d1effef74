// mkfifo(3), F_SETPIPE_SZ, splice(2).
#include "linux/fifo-splice.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "linux/error.h"

namespace tsc {

void make_fifo(const std::string& path, mode_t mode) {
  if (mkfifo(path.c_str(), mode) != 0) throw_errno("make fifo", "mkfifo", path);
}

int set_pipe_size(int fd, int bytes) {
  const int size = fcntl(fd, F_SETPIPE_SZ, bytes);
  if (size < 0) throw_errno("set pipe size", "fcntl");
  return size;
}

ssize_t splice_to_file(int pipe, int file, std::size_t length) {
  // splice(2) refuses a file opened with O_APPEND, so the end is found and given as the offset.
  for (;;) {
    off64_t end = lseek64(file, 0, SEEK_END);
    if (end < 0) throw_errno("splice: seek to the end", "lseek");
    const ssize_t moved = splice(pipe, nullptr, file, &end, length, SPLICE_F_NONBLOCK | SPLICE_F_MOVE);
    if (moved >= 0) return moved;
    if (errno == EAGAIN) return -1;
    if (errno != EINTR) throw_errno("splice", "splice");
  }
}

}  // namespace tsc
