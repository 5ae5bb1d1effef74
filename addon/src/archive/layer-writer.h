// Writes a directory tree as a layer (image-spec layer.md): the reverse of LayerApplier.
#pragma once

#include <cstdint>
#include <string>

namespace tsc {

enum class Compression { none, gzip, zstd };

struct WriteRequest {
  std::string source;
  std::string archive;  // must not exist
  bool overlay_whiteouts = false;
  Compression compression = Compression::none;
};

struct WriteResult {
  std::string diff_id;  // of the tar stream
  std::string digest;   // of the file
  std::uint64_t size = 0;
};

/// Blocking. On an error the unfinished archive is removed. Sockets are left out, as tar(1) does.
WriteResult write_layer(const WriteRequest& request);

}  // namespace tsc
