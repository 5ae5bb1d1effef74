// Owners of libarchive's objects, and the locale under which it leaves names as they are.
#pragma once

#include <archive.h>
#include <archive_entry.h>
#include <locale.h>

#include <memory>

namespace tsc {

struct ReadCloser {
  void operator()(archive* reader) const noexcept { archive_read_free(reader); }
};
struct WriteCloser {
  void operator()(archive* writer) const noexcept { archive_write_free(writer); }
};
struct EntryCloser {
  void operator()(archive_entry* entry) const noexcept { archive_entry_free(entry); }
};
using ReadHandle = std::unique_ptr<archive, ReadCloser>;
using WriteHandle = std::unique_ptr<archive, WriteCloser>;
using EntryHandle = std::unique_ptr<archive_entry, EntryCloser>;

/// Names in PAX headers are UTF-8, and libarchive converts them to the thread's locale: in "C" a name that is not ASCII
/// would be lost. While this lives the calling thread's locale is C.UTF-8 (built into glibc since 2.35).
class Utf8Locale {
 public:
  Utf8Locale() : locale_(newlocale(LC_CTYPE_MASK, "C.UTF-8", nullptr)) {
    if (locale_ != nullptr) before_ = uselocale(locale_);
  }
  ~Utf8Locale() {
    if (locale_ == nullptr) return;
    uselocale(before_);
    freelocale(locale_);
  }
  Utf8Locale(const Utf8Locale&) = delete;
  Utf8Locale& operator=(const Utf8Locale&) = delete;

 private:
  locale_t locale_;
  locale_t before_ = nullptr;
};

}  // namespace tsc
