// Small files (state, cgroup and proc files): opened CLOEXEC, read or written whole, EINTR retried.
#pragma once

#include <string>
#include <string_view>

#include "linux/unique-fd.h"

namespace tsc {

/// open/openat with O_CLOEXEC. Throws; `step` names what for.
UniqueFd open_file(std::string_view step, const std::string& path, int flags, unsigned mode = 0600);
/// The same, but an empty fd (and errno) on failure.
UniqueFd try_open_file(const std::string& path, int flags, unsigned mode = 0600) noexcept;

std::string read_file(std::string_view step, const std::string& path);
/// False (and errno) when the file cannot be read.
bool try_read_file(const std::string& path, std::string& content);
/// One write(2), as cgroup and proc files want it. The file must exist.
void write_file(std::string_view step, const std::string& path, std::string_view content);
bool try_write_file(const std::string& path, std::string_view content) noexcept;
/// A new file that appears whole or not at all: written beside, then renamed. Mode 0600.
void replace_file(std::string_view step, const std::string& path, std::string_view content);

/// syncfs(2) of the file system that the path is on.
void sync_file_system(const std::string& path);

bool path_exists(const std::string& path) noexcept;
/// mkdir -p; the last component gets `mode`.
void make_directories(std::string_view step, const std::string& path, unsigned mode = 0755);
/// rm -r without following links; false when something is left.
bool remove_tree(const std::string& path) noexcept;

}  // namespace tsc
