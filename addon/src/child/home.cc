// HOME: see the header.
#include "child/home.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "child/context.h"

namespace tsc::child {
namespace {

constexpr int kBuffer = 4096;
/// Of a larger file only so much is read: it is the image's.
constexpr int kMaxReads = 256;

/// The n-th field of a line of /etc/passwd; null when there are fewer.
const char* find_field(const char* line, int number) {
  while (number-- > 0) {
    line = strchr(line, ':');
    if (line == nullptr) return nullptr;
    ++line;
  }
  return line;
}

bool is_uid(const char* field, std::uint32_t uid) {
  std::uint64_t value = 0;
  if (field == nullptr || *field < '0' || *field > '9') return false;
  for (; *field >= '0' && *field <= '9' && value <= UINT32_MAX; ++field) {
    value = value * 10 + static_cast<std::uint64_t>(*field - '0');
  }
  return *field == ':' && value == uid;
}

/// True when the line is this user's; then `out` has the directory, unless it is empty or too long.
bool take_line(const char* line, std::uint32_t uid, char* out) {
  if (!is_uid(find_field(line, 2), uid)) return false;
  const char* home = find_field(line, 5);
  if (home == nullptr) return true;
  const char* end = strchr(home, ':');
  const unsigned long length = end == nullptr ? strlen(home) : static_cast<unsigned long>(end - home);
  if (length == 0 || length >= kHomeSpace - sizeof "HOME=") return true;
  memcpy(out, home, length);
  out[length] = '\0';
  return true;
}

void search(int fd, std::uint32_t uid, char* out) {
  char buffer[kBuffer + 1];
  unsigned long used = 0;
  for (int reads = 0; reads < kMaxReads; ++reads) {
    const long count = read_retry(fd, buffer + used, kBuffer - used);
    if (count <= 0) {
      buffer[used] = '\0';
      if (used > 0) take_line(buffer, uid, out);
      return;
    }
    used += static_cast<unsigned long>(count);
    buffer[used] = '\0';
    char* line = buffer;
    for (char* end = strchr(line, '\n'); end != nullptr; end = strchr(line, '\n')) {
      *end = '\0';
      if (take_line(line, uid, out)) return;
      line = end + 1;
    }
    used -= static_cast<unsigned long>(line - buffer);
    if (used == kBuffer) used = 0;  // a line longer than any user's
    memmove(buffer, line, used);
  }
}

}  // namespace

void find_home(const Process& process) {
  char* text = process.home_space.get();
  if (text == nullptr) return;
  strcpy(text, "HOME=/");
  // O_NONBLOCK: in place of the file the image may have put something that never answers.
  const int fd = open("/etc/passwd", O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  if (fd < 0) return;
  struct stat found;
  if (fstat(fd, &found) == 0 && S_ISREG(found.st_mode)) search(fd, process.uid, text + sizeof "HOME=" - 1);
  close(fd);
}

}  // namespace tsc::child
