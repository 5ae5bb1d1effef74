// BlobStream: a layer blob as its uncompressed bytes, hashed and counted on the way. TarReader pulls from it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "archive/libarchive-handle.h"
#include "archive/sha256.h"
#include "linux/unique-fd.h"

namespace tsc {

struct Bytes {
  const void* data = nullptr;
  std::size_t length = 0;
};

class BlobStream {
 public:
  /// Opens the blob; gzip and zstd are told by their first bytes, anything else is taken as uncompressed.
  /// `max_bytes` bounds the uncompressed stream (0: no bound).
  BlobStream(std::string path, std::uint64_t max_bytes);

  /// The next piece, valid until the following call; length 0 at the end. Throws BadArchive, or RuntimeError with
  /// EFBIG when the bound is passed.
  Bytes next();

  /// Reads what is left, so that the digest covers the whole stream.
  void drain();

  std::string digest() { return hash_.digest(); }
  std::uint64_t size() const noexcept { return size_; }

 private:
  void open_filter();
  Bytes read_plain();
  Bytes read_filtered();

  std::string path_;
  UniqueFd fd_;
  std::uint64_t max_bytes_;
  std::uint64_t size_ = 0;
  Sha256 hash_;
  std::vector<char> buffer_;
  ReadHandle filter_;
};

}  // namespace tsc
