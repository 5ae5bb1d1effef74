// Directories read by fd, for everything here that walks a tree.
#pragma once

#include <string>
#include <vector>

#include "linux/unique-fd.h"

namespace tsc {

/// No walk goes deeper: each level holds one fd and one stack frame, and a hostile tree may have any depth.
constexpr int kMaxTreeDepth = 1000;

struct DirectoryEntry {
  std::string name;
  unsigned char type;  // DT_* of readdir(3)
};

/// The entries without `.` and `..`, in byte order of their names when `sorted`.
std::vector<DirectoryEntry> read_directory(int fd, bool sorted);

/// Opens a directory for reading, following no link; with `same_mount`, EXDEV instead of entering a mount point.
/// Empty with errno set on failure.
UniqueFd open_directory_at(int parent, const std::string& name, bool same_mount);

}  // namespace tsc
