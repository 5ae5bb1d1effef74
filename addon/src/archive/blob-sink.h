// BlobSink: a tar stream on its way into a file: hashed, compressed, hashed again. LayerWriter feeds it.
#pragma once

#include <cstdint>
#include <exception>
#include <string>

#include "archive/layer-writer.h"
#include "archive/libarchive-handle.h"
#include "archive/sha256.h"
#include "linux/unique-fd.h"

namespace tsc {

class BlobSink {
 public:
  /// Creates the file. `finish` keeps it; without it the destructor removes it. A pipe is there already and stays.
  BlobSink(std::string path, Compression compression, bool is_pipe);
  ~BlobSink();
  BlobSink(const BlobSink&) = delete;
  BlobSink& operator=(const BlobSink&) = delete;

  /// Bytes of the tar stream.
  void write(const void* data, std::size_t length);
  WriteResult finish();

 private:
  static la_ssize_t push(archive*, void* self, const void* data, std::size_t length);
  void open_filter(Compression compression);
  void store(const void* data, std::size_t length);
  [[noreturn]] void fail();

  std::string path_;
  UniqueFd fd_;
  bool kept_ = false;
  std::exception_ptr pending_;
  Sha256 stream_hash_;
  Sha256 file_hash_;
  std::uint64_t size_ = 0;
  WriteHandle filter_;
};

}  // namespace tsc
