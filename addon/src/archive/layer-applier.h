// Applies one layer (image-spec layer.md) to a directory: the changes of a tar stream, whiteouts included.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace tsc {

enum class Whiteouts {
  overlay,   // as overlayfs keeps them: character device 0:0, trusted.overlay.opaque
  deletion,  // what they name is removed beneath the target
};

struct LayerRequest {
  std::string blob;
  std::string target;
  Whiteouts whiteouts = Whiteouts::overlay;
  std::uint64_t max_bytes = 0;
  std::vector<std::string> parents;
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
