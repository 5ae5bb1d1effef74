// TarReader: the entries of a tar stream (ustar, PAX, GNU), parsed by libarchive. LayerApplier is its caller.
#pragma once

#include <exception>
#include <string>

#include "archive/blob-stream.h"

namespace tsc {

/// One piece of a file's data; what lies between pieces is a hole.
struct DataPiece {
  const void* data = nullptr;
  std::size_t length = 0;
  std::int64_t offset = 0;
};

class TarReader {
 public:
  explicit TarReader(BlobStream& stream);

  /// The next entry, valid until the following call; nullptr at the end. Throws BadArchive.
  archive_entry* next();

  /// The present entry's next piece of data; false at its end.
  bool next_data(DataPiece& piece);

 private:
  static la_ssize_t pull(archive*, void* self, const void** data);
  /// `in_header`: the entry's own name is not known yet.
  [[noreturn]] void fail(bool in_header);
  bool is_tolerable();

  Utf8Locale locale_;
  BlobStream& stream_;
  std::exception_ptr pending_;  // what the stream threw beneath libarchive's C frames
  std::string entry_name_;
  ReadHandle tar_;
};

}  // namespace tsc
