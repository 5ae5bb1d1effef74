// The words of a mount's option list, sorted into what the mount API wants: attributes, propagation, and the rest,
// which is the file system's own. mount_setattr(2), runtime-spec config.md "Linux mount options".
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace tsc {

struct MountOptions {
  bool is_bind = false;
  bool is_recursive_bind = false;
  bool copies_up = false;
  bool is_remount = false;
  bool is_idmapped = false;
  bool is_idmap_recursive = false;
  std::uint64_t classic = 0;  // MS_*: what the mount API has no word for, e.g. iversion
  std::uint64_t set = 0;  // MOUNT_ATTR_*
  std::uint64_t clear = 0;
  std::uint64_t recursive_set = 0;  // rro, rnosuid, ...
  std::uint64_t recursive_clear = 0;
  std::uint64_t propagation = 0;  // MS_SHARED, MS_SLAVE, MS_PRIVATE, MS_UNBINDABLE
  bool is_propagation_recursive = false;
  /// Options for fsconfig; a flag has no value (second.first false).
  std::vector<std::pair<std::string, std::pair<bool, std::string>>> data;
};

MountOptions parse_mount_options(const std::vector<std::string>& options);

/// Every word that is not the file system's own, in order, for `features`.
std::vector<std::string> known_mount_options();

/// "rprivate" -> MS_PRIVATE; 0 for another word. `is_recursive` takes the "r".
std::uint64_t parse_propagation(const std::string& word, bool& is_recursive) noexcept;

}  // namespace tsc
