// Copies a tree with all that the file system knows of it: what a volume needs to begin with an image's content.
#pragma once

#include <string>

namespace tsc {

/// Copies the entries of the directory `source` into the directory `target`, made when missing, which also gets
/// source's owner, mode and attributes. Directories merge; EEXIST for anything else that is in the way.
void copy_tree(const std::string& source, const std::string& target);

}  // namespace tsc
