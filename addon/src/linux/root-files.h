// Small files read from a root filesystem that is not ours: /etc/passwd of an image, whose links may lead anywhere.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "linux/host-mounts.h"

namespace tsc {

/// One text per path; none where no regular file is. At most `max_bytes` of each.
using FileTexts = std::vector<std::optional<std::string>>;

/// Paths are resolved as if `root` were "/", links included.
FileTexts read_files_in_root(const std::string& root, const std::vector<std::string>& paths, std::size_t max_bytes);

/// The same from the last of these mounts, made without a place and gone with its fd. An overlay is read without being
/// written: its upper directory serves as the topmost lower one, so that it may be in use elsewhere.
FileTexts read_files_from_mounts(const std::vector<HostMount>& mounts, const std::vector<std::string>& paths,
                                 std::size_t max_bytes);

/// One place of a root filesystem, its last component not followed.
struct RootPlace {
  std::uint32_t mode = 0;
  std::uint64_t size = 0;
  std::int64_t modified_seconds = 0;
  std::int64_t modified_nanoseconds = 0;
  std::string link;  // the text of a symbolic link
};

/// None when nothing is there. Only the parents of the last component are resolved, inside the root.
std::optional<RootPlace> look_up_in_root(const std::string& root, const std::string& path);

/// Mounts what lies at `path` beneath `root` at `target`, which is made (a directory or a file, as the source is). No link
/// leads out: EXDEV. Mounts below the source come along; propagation is private. An error leaves no `target`.
void bind_beneath(const std::string& root, const std::string& path, const std::string& target);

}  // namespace tsc
