// Removal of whole trees by fd: no symbolic link is followed and no mount point entered.
#pragma once

#include <string>

namespace tsc {

/// Removes `name` beneath the directory `parent`, whatever it is. No error when it does not exist. EBUSY on a mount
/// point. Trees of any depth.
void remove_tree_at(int parent, const std::string& name);

/// The same for an absolute path.
void remove_tree_by_path(const std::string& path);

}  // namespace tsc
