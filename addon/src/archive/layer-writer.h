// Writes a directory tree, or one place in it, as a tar: a layer (image-spec layer.md), or what a client copies out.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "archive/id-shift.h"

namespace tsc {

enum class Compression { none, gzip, zstd };

struct WriteRequest {
  std::string source;
  std::string archive;  // must not exist, unless it is a pipe
  bool is_pipe = false;
  /// Below source, resolved inside it; "" is source itself. The last component is not followed.
  std::string path;
  /// What that place is called in the archive; "" leaves it out and puts its children at the top.
  std::string name;
  /// Names that are left out, with all below them.
  std::vector<std::string> excluded;
  IdShift ids;
  bool overlay_whiteouts = false;
  /// The overlay is mounted with `userxattr`: its attributes are user.overlay.*.
  bool user_overlay = false;
  /// Times to the nanosecond: a header more for each entry.
  bool keeps_nanoseconds = false;
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
