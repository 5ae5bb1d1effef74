// Applies one layer (image-spec layer.md) to a directory: the changes of a tar stream, whiteouts included.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "archive/directory-tree.h"
#include "archive/id-shift.h"

namespace tsc {

struct LayerRequest {
  std::string blob;
  /// What errors call this; "" is "apply layer" and the blob.
  std::string operation;
  std::string target;
  /// In place of a target: the EROFS image to make of the layer.
  std::string image;
  Whiteouts whiteouts = Whiteouts::overlay;
  std::uint64_t max_bytes = 0;
  std::vector<std::string> parents;
  /// The layers below are not there yet: the result says which directories are to take after theirs.
  bool is_detached = false;
  /// Where below target the entries go, clean and relative; "" is target itself.
  std::string prefix;
  /// A directory is not replaced by something else, nor the other way round.
  bool keeps_types = false;
  struct Owner {
    std::uint32_t uid;
    std::uint32_t gid;
  };
  /// Whom everything belongs to, whatever the archive says.
  std::optional<Owner> owner;
  IdShift ids;
  bool sync = false;
};

struct LayerResult {
  std::string diff_id;
  std::uint64_t size = 0;
  std::uint64_t entries = 0;
  /// Of a detached layer: directories, parents first, that no entry names, each ended by NUL; "" is the root.
  std::string implied;
};

/// Blocking. Throws BadArchive, or RuntimeError with the disk's errno and the entry's name.
LayerResult apply_layer(const LayerRequest& request);

/// What a detached layer's implied directories still miss: owner and mode of their counterparts in `parents`, the nearest
/// layer first. `names` as LayerResult has them; those that are no directories in `target` any more are passed over.
void take_after_parents(const std::string& target, const std::vector<std::string>& parents,
                        std::string_view names);

}  // namespace tsc
