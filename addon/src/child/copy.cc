// Copying for terminals: see the header.
#include "child/copy.h"

#include <errno.h>
#include <unistd.h>

namespace tsc::child {

void copy_read(Copy& copy) {
  const long count = read(copy.from, copy.buffer, kCopyBuffer);
  if (count > 0) {
    copy.begin = 0;
    copy.end = static_cast<int>(count);
    return;
  }
  if (count < 0 && (errno == EAGAIN || errno == EINTR)) return;
  copy.from = -1;
}

void copy_write(Copy& copy) {
  const long count = write(copy.to, copy.buffer + copy.begin, static_cast<unsigned long>(copy.end - copy.begin));
  if (count < 0 && (errno == EAGAIN || errno == EINTR)) return;
  copy.begin = count < 0 ? copy.end : copy.begin + static_cast<int>(count);
  if (copy.begin >= copy.end) copy.begin = copy.end = 0;
}

}  // namespace tsc::child
