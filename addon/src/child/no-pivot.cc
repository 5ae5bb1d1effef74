// --no-pivot: see the header.
#include "child/no-pivot.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

namespace tsc::child {
namespace {

constexpr unsigned long kBuffer = 8192;

/// mountinfo writes space, tab, newline and backslash as \ooo.
void unescape(char* text) {
  char* out = text;
  for (const char* in = text; *in != '\0'; ++out) {
    if (in[0] == '\\' && in[1] != '\0' && in[2] != '\0' && in[3] != '\0') {
      *out = static_cast<char>((in[1] - '0') * 64 + (in[2] - '0') * 8 + (in[3] - '0'));
      in += 4;
    } else {
      *out = *in++;
    }
  }
  *out = '\0';
}

/// The n-th word of a line, which is cut there; null when there are fewer.
char* cut_word(char* line, int number) {
  while (number-- > 0) {
    line = strchr(line, ' ');
    if (line == nullptr) return nullptr;
    ++line;
  }
  if (char* end = strchr(line, ' ')) *end = '\0';
  return line;
}

bool is_system_type(const char* line) {
  for (const char* dash = strchr(line, ' '); dash != nullptr; dash = strchr(dash + 1, ' ')) {
    if (strncmp(dash, " - ", 3) != 0) continue;
    return strncmp(dash + 3, "proc ", 5) == 0 || strncmp(dash + 3, "sysfs ", 6) == 0;
  }
  return false;
}

void take_line(Context& context, char* line, HostFilesystems& found) {
  if (!is_system_type(line)) return;
  char* path = cut_word(line, 4);
  if (path == nullptr) return;
  unescape(path);
  // One that is covered or out of reach cannot be opened; nor can anybody else look at it.
  const int fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return;
  if (found.count == kMaxHostFilesystems) {
    errno = E2BIG;
    fail(context, "open", path);
  }
  found.fds[found.count++] = fd;
}

}  // namespace

void find_host_filesystems(Context& context, HostFilesystems& found) {
  static const char kPath[] = "/proc/self/mountinfo";
  found.count = 0;
  const int fd = open(kPath, O_RDONLY | O_CLOEXEC);
  if (fd < 0) fail(context, "open", kPath);
  char buffer[kBuffer + 1];
  unsigned long used = 0;
  for (;;) {
    const long count = read_retry(fd, buffer + used, kBuffer - used);
    if (count < 0) fail(context, "read", kPath);
    if (count == 0) break;
    used += static_cast<unsigned long>(count);
    buffer[used] = '\0';
    char* line = buffer;
    for (char* end = strchr(line, '\n'); end != nullptr; end = strchr(line, '\n')) {
      *end = '\0';
      take_line(context, line, found);
      line = end + 1;
    }
    used -= static_cast<unsigned long>(line - buffer);
    if (used == kBuffer) used = 0;  // an overlay of very many layers, whose line is no procfs's
    memmove(buffer, line, used);
  }
  close(fd);
}

void remove_host_filesystems(Context& context, const HostFilesystems& found) {
  // Backwards: what was mounted later may lie below what was mounted earlier.
  for (int index = found.count - 1; index >= 0; --index) {
    if (fchdir(found.fds[index]) != 0) fail(context, "fchdir", "procfs");
    if (umount2(".", MNT_DETACH) != 0) {
      // EINVAL, EPERM: locked to the mounts above it, by a user namespace.
      if (errno != EINVAL && errno != EPERM) fail(context, "umount2", "procfs");
      if (mount("none", ".", "tmpfs", MS_RDONLY, "size=0") != 0) fail(context, "mount", "procfs");
    }
    close(found.fds[index]);
  }
}

}  // namespace tsc::child
