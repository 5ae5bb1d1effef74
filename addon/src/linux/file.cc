// Small files: see the header.
#include "linux/file.h"

#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include <cstdio>

#include "linux/error.h"

namespace tsc {
namespace {

bool write_all(int fd, std::string_view content) noexcept {
  ssize_t written;
  do {
    written = ::write(fd, content.data(), content.size());
  } while (written < 0 && errno == EINTR);
  if (written >= 0 && static_cast<size_t>(written) != content.size()) errno = ENOSPC;
  return written >= 0 && static_cast<size_t>(written) == content.size();
}

bool read_all(int fd, std::string& content) {
  content.clear();
  char buffer[8192];
  for (;;) {
    const ssize_t count = ::read(fd, buffer, sizeof buffer);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return false;
    if (count == 0) return true;
    content.append(buffer, static_cast<size_t>(count));
  }
}

bool remove_at(int parent, const char* name) noexcept {
  if (unlinkat(parent, name, 0) == 0 || errno == ENOENT) return true;
  if (errno != EISDIR && errno != EPERM) return false;
  const int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (fd < 0) return false;
  DIR* directory = fdopendir(fd);
  if (directory == nullptr) {
    ::close(fd);
    return false;
  }
  while (const dirent* entry = readdir(directory)) {
    if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0) remove_at(fd, entry->d_name);
  }
  closedir(directory);
  return unlinkat(parent, name, AT_REMOVEDIR) == 0 || errno == ENOENT;
}

}  // namespace

UniqueFd try_open_file(const std::string& path, int flags, unsigned mode) noexcept {
  int fd;
  do {
    fd = ::open(path.c_str(), flags | O_CLOEXEC, mode);
  } while (fd < 0 && errno == EINTR);
  return UniqueFd(fd);
}

UniqueFd open_file(std::string_view step, const std::string& path, int flags, unsigned mode) {
  UniqueFd fd = try_open_file(path, flags, mode);
  if (!fd) throw_errno(step, "open", path);
  return fd;
}

bool try_read_file(const std::string& path, std::string& content) {
  const UniqueFd fd = try_open_file(path, O_RDONLY);
  return fd && read_all(fd.get(), content);
}

std::string read_file(std::string_view step, const std::string& path) {
  const UniqueFd fd = open_file(step, path, O_RDONLY);
  std::string content;
  if (!read_all(fd.get(), content)) throw_errno(step, "read", path);
  return content;
}

void write_file(std::string_view step, const std::string& path, std::string_view content) {
  const UniqueFd fd = open_file(step, path, O_WRONLY);
  if (!write_all(fd.get(), content)) throw_errno(step, "write", path);
}

bool try_write_file(const std::string& path, std::string_view content) noexcept {
  const UniqueFd fd = try_open_file(path, O_WRONLY);
  return fd && write_all(fd.get(), content);
}

void replace_file(std::string_view step, const std::string& path, std::string_view content) {
  const std::string beside = path + ".new";
  const UniqueFd fd = open_file(step, beside, O_WRONLY | O_CREAT | O_TRUNC, 0600);
  if (!write_all(fd.get(), content)) throw_errno(step, "write", beside);
  if (rename(beside.c_str(), path.c_str()) != 0) throw_errno(step, "rename", path);
}

void sync_file_system(const std::string& path) {
  const UniqueFd fd = open_file("flush file system", path, O_RDONLY | O_DIRECTORY);
  if (syncfs(fd.get()) != 0) throw_errno("flush file system", "syncfs", path);
}

bool path_exists(const std::string& path) noexcept { return access(path.c_str(), F_OK) == 0; }

void make_directories(std::string_view step, const std::string& path, unsigned mode) {
  if (mkdir(path.c_str(), mode) == 0 || errno == EEXIST) return;
  const size_t slash = path.find_last_of('/');
  if (errno != ENOENT || slash == std::string::npos || slash == 0) throw_errno(step, "mkdir", path);
  make_directories(step, path.substr(0, slash), 0711);  // to be passed through, not read
  if (mkdir(path.c_str(), mode) != 0 && errno != EEXIST) throw_errno(step, "mkdir", path);
}

bool remove_tree(const std::string& path) noexcept { return remove_at(AT_FDCWD, path.c_str()); }

}  // namespace tsc
