// Directories seen through a mapping of their owners (mount_setattr(2), "ID-mapped mounts"; Linux 5.12, and 5.19 where
// overlayfs is to stand on them). The snapshotters' layers for containers with a user namespace.
#pragma once

#include <string>

namespace tsc {

/// As /proc/PID/uid_map has it: `first-on-disk first-shown count`, a line each.
struct IdMaps {
  std::string uids;
  std::string gids;
};

/// Mounts the directory `source` at `target`: what belongs to id N on the disk is shown as what the maps make of it.
void mount_id_mapped(const std::string& source, const std::string& target, const IdMaps& maps);

/// Whether kernel and file system of that directory can do so. Nothing is mounted anywhere.
bool can_map_ids(const std::string& directory);

}  // namespace tsc
