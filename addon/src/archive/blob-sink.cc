// libarchive's filters over its raw format, written to an fd.
#include "archive/blob-sink.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "linux/error.h"

namespace tsc {

BlobSink::BlobSink(std::string path, Compression compression, bool is_pipe)
    : path_(std::move(path)),
      fd_(::open(path_.c_str(), O_WRONLY | O_CLOEXEC | (is_pipe ? O_NONBLOCK : O_CREAT | O_EXCL), 0644)),
      kept_(is_pipe) {
  if (!fd_) throw_errno("create archive", "open", path_);
  // a reader who has gone fails the open, and is not waited for; writing waits again
  if (is_pipe && fcntl(fd_.get(), F_SETFL, 0) != 0) throw_errno("open archive", "fcntl", path_);
  if (compression != Compression::none) open_filter(compression);
}

BlobSink::~BlobSink() {
  filter_.reset();  // its closing may still push
  if (fd_ && !kept_) unlink(path_.c_str());
}

void BlobSink::open_filter(Compression compression) {
  filter_.reset(archive_write_new());
  archive* filter = filter_.get();
  archive_write_set_format_raw(filter);
  if (compression == Compression::gzip) {
    archive_write_add_filter_gzip(filter);
    archive_write_set_filter_option(filter, "gzip", "timestamp", nullptr);  // the same tree, the same bytes
  } else {
    archive_write_add_filter_zstd(filter);
  }
  archive_write_set_bytes_per_block(filter, 0);  // no padding of the last block
  const EntryHandle entry(archive_entry_new());
  archive_entry_set_filetype(entry.get(), AE_IFREG);
  if (archive_write_open(filter, this, nullptr, &BlobSink::push, nullptr) < ARCHIVE_WARN) fail();
  if (archive_write_header(filter, entry.get()) < ARCHIVE_WARN) fail();
}

// An exception must not unwind through libarchive: it is kept, and thrown again by fail().
la_ssize_t BlobSink::push(archive* writer, void* self, const void* data, std::size_t length) {
  auto* sink = static_cast<BlobSink*>(self);
  try {
    sink->store(data, length);
    return static_cast<la_ssize_t>(length);
  } catch (...) {
    sink->pending_ = std::current_exception();
    archive_set_error(writer, EIO, "write failed");
    return -1;
  }
}

void BlobSink::store(const void* data, std::size_t length) {
  file_hash_.update(data, length);
  size_ += length;
  const char* bytes = static_cast<const char*>(data);
  for (std::size_t done = 0; done < length;) {
    const ssize_t put = ::write(fd_.get(), bytes + done, length - done);
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) throw_errno("write archive", "write", path_);
    done += static_cast<std::size_t>(put);
  }
}

void BlobSink::write(const void* data, std::size_t length) {
  stream_hash_.update(data, length);
  if (!filter_) return store(data, length);
  if (archive_write_data(filter_.get(), data, length) < 0) fail();
}

WriteResult BlobSink::finish() {
  if (filter_ && archive_write_close(filter_.get()) < ARCHIVE_WARN) fail();
  if (pending_) fail();
  kept_ = true;
  return {stream_hash_.digest(), file_hash_.digest(), size_};
}

void BlobSink::fail() {
  if (pending_) std::rethrow_exception(pending_);
  const char* text = filter_ ? archive_error_string(filter_.get()) : nullptr;
  throw RuntimeError("", "write archive", "", EIO, path_, text == nullptr ? "cannot compress" : text);
}

}  // namespace tsc
