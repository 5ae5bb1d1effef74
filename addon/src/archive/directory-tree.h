// DirectoryTree: a layer's tree as a directory on disk, an overlay's upper one or a whole root file system.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "archive/layer-tree.h"
#include "archive/tree-root.h"

namespace tsc {

/// How a directory says that something below is hidden.
enum class Whiteouts {
  overlay,       // as overlayfs keeps them: character device 0:0, trusted.overlay.opaque
  user_overlay,  // the same for overlays mounted with `userxattr`: user.overlay.opaque
  deletion,      // what they name is removed beneath the target
  none,          // an ordinary archive: such names are files like others
};

class DirectoryTree : public LayerTree {
 public:
  DirectoryTree(const std::string& path, std::vector<std::string> parents, Whiteouts whiteouts)
      : root_(path, std::move(parents)), whiteouts_(whiteouts) {}

  int fd() const noexcept { return root_.fd(); }
  /// Directories that had to be made without a counterpart in `parents`, in the order of making.
  const std::vector<std::string>& implied() const noexcept { return root_.implied(); }

  PlaceKind look_up(const std::string& name) override;
  void remove(const std::string& name) override;
  void create(const std::string& name, archive_entry* entry, TarReader& data) override;
  void make_directory(const std::string& name) override;
  void adorn_directory(const std::string& name, archive_entry* entry) override;
  void link(const std::string& name, const std::string& target) override;
  void set_directory_times(const std::string& name, const EntryTimes& times) override;
  bool white_out(const std::string& name, const std::string& marker) override;
  void hide_below(const std::string& name, const std::function<bool(const std::string&)>& own) override;

 private:
  EntryPlace place_of(const std::string& name);
  void delete_foreign(const std::string& directory, const std::function<bool(const std::string&)>& own, int depth);

  TreeRoot root_;
  Whiteouts whiteouts_;
};

}  // namespace tsc
