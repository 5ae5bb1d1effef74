// TreeRoot: a directory taken as "/" for untrusted names. LayerApplier finds and removes everything through it.
//
// Names are resolved by openat2 RESOLVE_IN_ROOT (Linux 5.6): symbolic links, absolute ones and `..` included, are
// followed inside the root only, as after a chroot.
#pragma once

#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "archive/lower-layers.h"
#include "linux/unique-fd.h"

namespace tsc {

/// `a/b/c` as parent `a/b` and leaf `c`; both empty for the root itself.
struct SplitName {
  std::string parent;
  std::string leaf;
};
SplitName split_name(const std::string& name);

/// The name relative to the root with `.`, `..` and doubled slashes resolved as text; "" is the root. A leading slash
/// is dropped. Throws BadArchive when it climbs above the root.
std::string clean_name(std::string_view name);

class TreeRoot {
 public:
  /// `parents`: directories of the layers below, nearest first, which a directory that must be made takes after.
  TreeRoot(const std::string& path, const std::vector<std::string>& parents);

  int fd() const noexcept { return root_.get(); }

  /// An O_PATH fd of that directory, valid until the next call of a member; made, with its parents, when missing.
  int parent_fd(const std::string& directory);

  /// An O_PATH fd of that existing directory, or an empty one.
  UniqueFd find_directory(const std::string& directory) const;

  /// An existing directory gets owner and mode of its counterpart in the nearest parent that has it. No effect on what is
  /// no directory.
  void take_after_parents(const std::string& name);

  /// Names of the directories that parent_fd has made and that no parent has, in the order of making; bounded.
  const std::vector<std::string>& implied() const noexcept { return implied_; }

  /// Removes what is there, a whole tree too. No error when nothing is. Forgets cached directories.
  void remove(int parent, const std::string& leaf);

 private:
  UniqueFd open_inside(const std::string& name) const;
  void make_directory(const std::string& name);

  UniqueFd root_;
  LowerLayers parents_;
  std::vector<std::string> implied_;
  std::unordered_map<std::string, UniqueFd> cache_;
};

}  // namespace tsc
