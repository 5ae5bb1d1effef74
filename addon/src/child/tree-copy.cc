// tmpcopyup: see the header. No heap: one buffer of directory entries and two fds per level.
#include "child/tree-copy.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdint>

#include "child/context.h"

namespace tsc::child {
namespace {

/// Deeper trees are refused (ELOOP) rather than run the stack out.
constexpr int kMaxDepth = 64;
constexpr int kEntryBuffer = 4096;
constexpr int kMaxLink = 4096;

struct Entry {  // struct linux_dirent64, getdents64(2)
  std::uint64_t inode;
  std::int64_t offset;
  std::uint16_t size;
  std::uint8_t type;
  char name[];
};

bool copy_directory(int from_fd, int to_fd, int depth);

bool is_dot(const char* name) { return strcmp(name, ".") == 0 || strcmp(name, "..") == 0; }

bool close_with(int fd, bool result) {
  const int saved = errno;
  close(fd);
  errno = saved;
  return result;
}

/// Owner first: a change of owner clears set-id bits.
bool copy_owner_and_mode(int to_parent, const char* name, const struct stat& found) {
  if (fchownat(to_parent, name, found.st_uid, found.st_gid, AT_SYMLINK_NOFOLLOW) != 0) return false;
  if (!S_ISLNK(found.st_mode) && fchmodat(to_parent, name, found.st_mode & 07777, 0) != 0) return false;
  const timespec times[2] = {found.st_atim, found.st_mtim};
  return utimensat(to_parent, name, times, AT_SYMLINK_NOFOLLOW) == 0;
}

bool copy_bytes(int from, int to) {
  char buffer[8192];
  for (;;) {
    const long count = read_retry(from, buffer, sizeof buffer);
    if (count <= 0) return count == 0;
    for (long done = 0; done < count;) {
      const long written = write_retry(to, buffer + done, static_cast<unsigned long>(count - done));
      if (written <= 0) return false;
      done += written;
    }
  }
}

bool copy_file(int from_parent, int to_parent, const char* name) {
  // O_NONBLOCK: should the file have become a FIFO meanwhile.
  const int from = openat(from_parent, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
  if (from < 0) return false;
  const int to = openat(to_parent, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
  if (to < 0) return close_with(from, false);
  return close_with(from, close_with(to, copy_bytes(from, to)));
}

bool copy_link(int from_parent, int to_parent, const char* name) {
  char target[kMaxLink + 1];
  const long length = readlinkat(from_parent, name, target, kMaxLink);
  if (length < 0) return false;
  target[length] = '\0';
  return symlinkat(target, to_parent, name) == 0;
}

bool copy_subdirectory(int from_parent, int to_parent, const char* name, int depth) {
  if (mkdirat(to_parent, name, 0700) != 0) return false;
  const int from = openat(from_parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (from < 0) return false;
  const int to = openat(to_parent, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (to < 0) return close_with(from, false);
  return close_with(from, close_with(to, copy_directory(from, to, depth + 1)));
}

bool copy_entry(int from_parent, int to_parent, const char* name, int depth) {
  struct stat found;
  if (fstatat(from_parent, name, &found, AT_SYMLINK_NOFOLLOW) != 0) return errno == ENOENT;
  bool is_copied;
  if (S_ISDIR(found.st_mode)) {
    is_copied = copy_subdirectory(from_parent, to_parent, name, depth);
  } else if (S_ISREG(found.st_mode)) {
    is_copied = copy_file(from_parent, to_parent, name);
  } else if (S_ISLNK(found.st_mode)) {
    is_copied = copy_link(from_parent, to_parent, name);
  } else {
    is_copied = mknodat(to_parent, name, found.st_mode, found.st_rdev) == 0;
  }
  return is_copied && copy_owner_and_mode(to_parent, name, found);
}

bool copy_directory(int from_fd, int to_fd, int depth) {
  if (depth > kMaxDepth) {
    errno = ELOOP;
    return false;
  }
  alignas(Entry) char buffer[kEntryBuffer];
  for (;;) {
    const long size = syscall(SYS_getdents64, from_fd, buffer, sizeof buffer);
    if (size <= 0) return size == 0;
    for (long at = 0; at < size;) {
      const Entry* entry = reinterpret_cast<const Entry*>(buffer + at);
      at += entry->size;
      if (!is_dot(entry->name) && !copy_entry(from_fd, to_fd, entry->name, depth)) return false;
    }
  }
}

}  // namespace

bool copy_tree(int from_fd, int to_fd) {
  const int readable = openat(from_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (readable < 0) return false;
  struct stat found;
  if (fstat(readable, &found) != 0 || !copy_directory(readable, to_fd, 0)) return close_with(readable, false);
  return close_with(readable, fchownat(to_fd, ".", found.st_uid, found.st_gid, 0) == 0);
}

}  // namespace tsc::child
