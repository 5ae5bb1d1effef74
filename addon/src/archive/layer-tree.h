// LayerTree: where a layer's entries end up, by clean names; LayerApplier keeps the order and calls it. Two kinds: a
// directory on disk (DirectoryTree) and a tree in memory that becomes an EROFS image (ErofsTree).
//
// In every name the parents are resolved inside the tree, symbolic links too, and made when they are missing; the last
// component is never followed. Calls throw BadArchive for what only the archive can be blamed for.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "archive/layer-entry.h"
#include "archive/tar-reader.h"

namespace tsc {

enum class PlaceKind { nothing, directory, other };

class LayerTree {
 public:
  LayerTree() = default;
  virtual ~LayerTree() = default;
  LayerTree(const LayerTree&) = delete;
  LayerTree& operator=(const LayerTree&) = delete;

  virtual PlaceKind look_up(const std::string& name) = 0;
  /// What is there, a whole tree too.
  virtual void remove(const std::string& name) = 0;
  /// A file, symbolic link, device or FIFO where nothing is.
  virtual void create(const std::string& name, archive_entry* entry, TarReader& data) = 0;
  /// A bare directory where nothing is.
  virtual void make_directory(const std::string& name) = 0;
  /// Owner, mode and attributes of a directory that is there; "" is the root.
  virtual void adorn_directory(const std::string& name, archive_entry* entry) = 0;
  /// A second name, where nothing is, of what `target` is.
  virtual void link(const std::string& name, const std::string& target) = 0;
  /// Times of a directory; no effect when something else has taken its place.
  virtual void set_directory_times(const std::string& name, const EntryTimes& times) = 0;

  /// Hides what the layers below have at `name`; `marker` is what the archive calls it. True when a marker stands there.
  virtual bool white_out(const std::string& name, const std::string& marker) = 0;
  /// Hides what the layers below have in a directory (made when missing). `own`: names of this layer, which stay.
  virtual void hide_below(const std::string& name, const std::function<bool(const std::string&)>& own) = 0;
};

}  // namespace tsc
