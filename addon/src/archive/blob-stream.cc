// Reads, decompresses (libarchive's filters over its raw format) and hashes one blob.
#include "archive/blob-stream.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "archive/bad-archive.h"

namespace tsc {
namespace {

constexpr std::size_t kReadBytes = 1 << 20;
/// As libarchive counts: the filter, and the file beneath it.
constexpr int kOneFilter = 2;

bool has_magic(const unsigned char* head, ssize_t length, std::initializer_list<unsigned char> magic) {
  return length >= static_cast<ssize_t>(magic.size()) && std::equal(magic.begin(), magic.end(), head);
}

}  // namespace

BlobStream::BlobStream(std::string path, std::uint64_t max_bytes)
    : path_(std::move(path)), fd_(::open(path_.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK)),
      max_bytes_(max_bytes) {
  if (!fd_) throw_errno("open layer", "open", path_);
  // not to wait in open for a pipe's writer, who may have come and gone already; reading waits again
  if (fcntl(fd_.get(), F_SETFL, 0) != 0) throw_errno("open layer", "fcntl", path_);
  posix_fadvise(fd_.get(), 0, 0, POSIX_FADV_SEQUENTIAL);
  unsigned char head[4];
  // a pipe has no beginning to look at: what comes by one is uncompressed
  const ssize_t length = ::pread(fd_.get(), head, sizeof head, 0);
  if (length < 0 && errno != ESPIPE) throw_errno("read layer", "pread", path_);
  const bool compressed = has_magic(head, length, {0x1f, 0x8b}) || has_magic(head, length, {0x28, 0xb5, 0x2f, 0xfd});
  if (compressed) {
    open_filter();
  } else {
    buffer_.resize(kReadBytes);
  }
}

void BlobStream::open_filter() {
  filter_.reset(archive_read_new());
  archive_read_support_format_raw(filter_.get());
  archive_read_support_format_empty(filter_.get());  // a compressed stream of no bytes
  archive_read_support_filter_gzip(filter_.get());
  archive_read_support_filter_zstd(filter_.get());
  archive_entry* entry = nullptr;
  int status = archive_read_open_fd(filter_.get(), fd_.get(), kReadBytes);
  if (status >= ARCHIVE_WARN) status = archive_read_next_header(filter_.get(), &entry);
  if (status == ARCHIVE_EOF) {
    filter_.reset();
    buffer_.clear();  // read_plain() then reports the end at once
    return;
  }
  if (status < ARCHIVE_WARN) throw BadArchive(path_, std::string("decompress: ") + archive_error_string(filter_.get()));
  // libarchive unpacks a stream within a stream, too; the layer's digest is that of what the first one holds
  if (archive_filter_count(filter_.get()) > kOneFilter) throw BadArchive(path_, "decompress: compressed twice");
}

Bytes BlobStream::next() {
  const Bytes bytes = filter_ ? read_filtered() : read_plain();
  size_ += bytes.length;
  if (max_bytes_ != 0 && size_ > max_bytes_) {
    throw RuntimeError("", "read archive", "", EFBIG, path_,
                       "holds more than the bound of " + std::to_string(max_bytes_) + " bytes");
  }
  hash_.update(bytes.data, bytes.length);
  return bytes;
}

Bytes BlobStream::read_plain() {
  for (;;) {
    const ssize_t got = ::read(fd_.get(), buffer_.data(), buffer_.size());
    if (got >= 0) return {buffer_.data(), static_cast<std::size_t>(got)};
    if (errno != EINTR) throw_errno("read layer", "read", path_);
  }
}

Bytes BlobStream::read_filtered() {
  const void* data = nullptr;
  std::size_t length = 0;
  la_int64_t offset = 0;
  const int status = archive_read_data_block(filter_.get(), &data, &length, &offset);
  if (status == ARCHIVE_EOF) return {};
  if (status < ARCHIVE_WARN) {
    const char* text = archive_error_string(filter_.get());
    throw BadArchive(path_, std::string("decompress: ") + (text == nullptr ? "broken stream" : text));
  }
  return {data, length};
}

void BlobStream::drain() {
  while (next().length != 0) {
  }
}

}  // namespace tsc
