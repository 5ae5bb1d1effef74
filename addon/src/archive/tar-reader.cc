// libarchive's tar format over a BlobStream.
#include "archive/tar-reader.h"

#include <cerrno>
#include <cstring>

#include "archive/bad-archive.h"

namespace tsc {

TarReader::TarReader(BlobStream& stream) : stream_(stream), tar_(archive_read_new()) {
  archive_read_support_format_tar(tar_.get());
  archive_read_support_format_empty(tar_.get());  // a layer of no bytes has no entries
  if (archive_read_open2(tar_.get(), this, nullptr, &TarReader::pull, nullptr, nullptr) < ARCHIVE_WARN) fail(true);
}

// An exception must not unwind through libarchive: it is kept, and thrown again by fail().
la_ssize_t TarReader::pull(archive* reader, void* self, const void** data) {
  auto* tar = static_cast<TarReader*>(self);
  try {
    const Bytes bytes = tar->stream_.next();
    *data = bytes.data;
    return static_cast<la_ssize_t>(bytes.length);
  } catch (...) {
    tar->pending_ = std::current_exception();
    archive_set_error(reader, EIO, "the stream broke off");
    return ARCHIVE_FATAL;
  }
}

void TarReader::fail(bool in_header) {
  if (pending_) std::rethrow_exception(pending_);
  const char* text = archive_error_string(tar_.get());
  const std::string detail = text == nullptr ? "not a tar stream" : text;
  if (!in_header) throw BadArchive(entry_name_, detail);
  throw BadArchive("", entry_name_.empty() ? detail : detail + ", behind the entry " + entry_name_);
}

// libarchive warns of much that it then leaves out: a PAX header that it cannot parse, and with it the name that the
// entry should have had. Only names and owners in another character set are no reason to refuse.
bool TarReader::is_tolerable() {
  const char* text = archive_error_string(tar_.get());
  return text != nullptr && std::strstr(text, "can't be converted") != nullptr;
}

archive_entry* TarReader::next() {
  archive_entry* entry = nullptr;
  const int status = archive_read_next_header(tar_.get(), &entry);
  if (status == ARCHIVE_EOF && !pending_) return nullptr;
  // a name that could not be converted is missing, which the caller refuses; ARCHIVE_RETRY and worse are damage
  if (status < ARCHIVE_WARN || pending_ || (status == ARCHIVE_WARN && !is_tolerable())) fail(true);
  const char* name = archive_entry_pathname(entry);
  entry_name_ = name == nullptr ? "" : name;
  return entry;
}

bool TarReader::next_data(DataPiece& piece) {
  const int status = archive_read_data_block(tar_.get(), &piece.data, &piece.length, &piece.offset);
  if (status == ARCHIVE_EOF && !pending_) return false;
  if (status < ARCHIVE_WARN || pending_) fail(false);
  return true;
}

}  // namespace tsc
