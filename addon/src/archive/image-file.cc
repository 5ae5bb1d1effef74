// Small gaps (the rest of a block) are filled with zeros in the buffer, larger ones are left to the file system.
#include "archive/image-file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "linux/error.h"

namespace tsc {
namespace {

constexpr std::size_t kBufferBytes = 1 << 20;
constexpr std::size_t kPage = 4096;
constexpr std::size_t kFilledGap = 1 << 14;

}  // namespace

ImageFile::ImageFile(std::string path)
    : path_(std::move(path)), fd_(::open(path_.c_str(), O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600)) {
  if (!fd_) throw_errno("create image", "open", path_);
  buffer_.reserve(kBufferBytes);
}

ImageFile::~ImageFile() {
  if (fd_ && !kept_) unlink(path_.c_str());
}

void ImageFile::write(std::uint64_t at, const void* data, std::size_t length) {
  const std::uint64_t end = begin_ + buffer_.size();
  if (at - end > kFilledGap) {
    flush();
    begin_ = at;
  } else {
    buffer_.resize(buffer_.size() + (at - end));
  }
  const char* bytes = static_cast<const char*>(data);
  for (std::size_t done = 0; done < length;) {
    const std::size_t piece = std::min(length - done, kBufferBytes - buffer_.size());
    buffer_.insert(buffer_.end(), bytes + done, bytes + done + piece);
    done += piece;
    if (buffer_.size() >= kBufferBytes) flush();
  }
}

void ImageFile::patch(std::uint64_t at, const void* data, std::size_t length) {
  flush();
  put(at, static_cast<const char*>(data), length);
}

void ImageFile::keep(std::uint64_t size, bool sync) {
  flush();
  if (ftruncate(fd_.get(), static_cast<off_t>(size)) != 0) throw_errno("set size", "ftruncate", path_);
  if (sync && fsync(fd_.get()) != 0) throw_errno("flush", "fsync", path_);
  kept_ = true;
}

/// Pages of zeros become holes; the file's size is set at the end.
void ImageFile::flush() {
  const auto page_end = [&](std::size_t at) { return std::min(at + kPage - (begin_ + at) % kPage, buffer_.size()); };
  const auto is_zero = [&](std::size_t at, std::size_t end) {
    return buffer_[at] == 0 && std::memcmp(&buffer_[at], &buffer_[at] + 1, end - at - 1) == 0;
  };
  for (std::size_t at = 0; at < buffer_.size();) {
    std::size_t end = page_end(at);
    if (!is_zero(at, end)) {
      while (end < buffer_.size() && !is_zero(end, page_end(end))) end = page_end(end);
      put(begin_ + at, &buffer_[at], end - at);
    }
    at = end;
  }
  begin_ += buffer_.size();
  buffer_.clear();
}

void ImageFile::put(std::uint64_t at, const char* data, std::size_t length) {
  for (std::size_t done = 0; done < length;) {
    const ssize_t put = pwrite(fd_.get(), data + done, length - done, static_cast<off_t>(at + done));
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) throw_errno("write image", "pwrite", path_);
    done += static_cast<std::size_t>(put);
  }
}

}  // namespace tsc
