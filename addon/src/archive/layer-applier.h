// Applies one layer (image-spec layer.md) to a directory: the changes of a tar stream, whiteouts included.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "archive/id-shift.h"

namespace tsc {

enum class Whiteouts {
  overlay,   // as overlayfs keeps them: character device 0:0, trusted.overlay.opaque
  deletion,  // what they name is removed beneath the target
  none,      // an ordinary archive: such names are files like others
};

struct LayerRequest {
  std::string blob;
  /// What errors call this; "" is "apply layer" and the blob.
  std::string operation;
  std::string target;
  Whiteouts whiteouts = Whiteouts::overlay;
  std::uint64_t max_bytes = 0;
  std::vector<std::string> parents;
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
};

/// Blocking. Throws BadArchive, or RuntimeError with the disk's errno and the entry's name.
LayerResult apply_layer(const LayerRequest& request);

}  // namespace tsc
