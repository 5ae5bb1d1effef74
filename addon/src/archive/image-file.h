// ImageFile: a file written from front to back in large pieces; ErofsTree fills it. What is skipped stays a hole.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "linux/unique-fd.h"

namespace tsc {

class ImageFile {
 public:
  /// Creates the file, which must not exist. Without `keep` the destructor removes it.
  explicit ImageFile(std::string path);
  ~ImageFile();
  ImageFile(const ImageFile&) = delete;
  ImageFile& operator=(const ImageFile&) = delete;

  /// `at` is never below the end of what was written before.
  void write(std::uint64_t at, const void* data, std::size_t length);
  /// Over what is there already, once all else is written.
  void patch(std::uint64_t at, const void* data, std::size_t length);
  /// Writes what is buffered, sets the size, and with `sync` waits for the disk; then the file stays.
  void keep(std::uint64_t size, bool sync);

 private:
  void flush();
  void put(std::uint64_t at, const char* data, std::size_t length);

  std::string path_;
  UniqueFd fd_;
  bool kept_ = false;
  std::uint64_t begin_ = 0;  // where the buffer's first byte goes
  std::vector<char> buffer_;
};

}  // namespace tsc
