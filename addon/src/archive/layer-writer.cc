// Walks the tree in byte order of its names, so that equal trees give equal archives, and has libarchive format PAX.
#include "archive/layer-writer.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <map>
#include <set>
#include <string_view>
#include <vector>

#include "archive/blob-sink.h"
#include "archive/directory.h"
#include "archive/layer-entry.h"
#include "archive/tree-root.h"
#include "linux/error.h"

namespace tsc {
namespace {

constexpr std::size_t kReadBytes = 1 << 18;
constexpr std::string_view kTrustedPrefix = "trusted.overlay.";
constexpr std::string_view kUserPrefix = "user.overlay.";

std::vector<char> attribute_of(const std::string& path, const char* name) {
  const ssize_t room = lgetxattr(path.c_str(), name, nullptr, 0);
  std::vector<char> value(room > 0 ? static_cast<std::size_t>(room) : 0);
  if (room <= 0) return value;
  const ssize_t length = lgetxattr(path.c_str(), name, value.data(), value.size());
  value.resize(length > 0 ? static_cast<std::size_t>(length) : 0);
  return value;
}

class LayerWriter {
 public:
  LayerWriter(const WriteRequest& request, BlobSink& sink)
      : request_(request), sink_(sink), tar_(archive_write_new()), buffer_(kReadBytes) {
    if (request.keeps_nanoseconds) archive_write_set_format_pax(tar_.get());
    else archive_write_set_format_pax_restricted(tar_.get());
    archive_write_set_format_option(tar_.get(), "pax", "xattrheader", "SCHILY");
    archive_write_set_bytes_per_block(tar_.get(), static_cast<int>(kReadBytes));
    archive_write_set_bytes_in_last_block(tar_.get(), 1);
    check(archive_write_open(tar_.get(), this, nullptr, &LayerWriter::push, nullptr));
  }
  // libarchive's handle closes itself when it is freed, through push(): while the sink still stands.
  ~LayerWriter() { tar_.reset(); }
  LayerWriter(const LayerWriter&) = delete;
  LayerWriter& operator=(const LayerWriter&) = delete;

  void write_all() {
    const TreeRoot root(request_.source, {});
    const SplitName place = split_name(request_.path);
    if (request_.name.empty()) {
      write_children(root.fd(), "", 0);
    } else if (request_.path.empty()) {
      write_named(root.fd(), ".", request_.name, 0);
    } else {
      const UniqueFd parent = root.find_directory(place.parent);
      if (!parent) throw_errno("open", "openat2", request_.path);
      write_named(parent.get(), place.leaf, request_.name, 0);
    }
    check(archive_write_close(tar_.get()));
  }

 private:
  static la_ssize_t push(archive* writer, void* self, const void* data, std::size_t length) {
    auto* own = static_cast<LayerWriter*>(self);
    try {
      own->sink_.write(data, length);
      return static_cast<la_ssize_t>(length);
    } catch (...) {
      own->pending_ = std::current_exception();
      archive_set_error(writer, EIO, "write failed");
      return -1;
    }
  }

  void check(int status) {
    if (pending_) std::rethrow_exception(pending_);
    if (status >= ARCHIVE_WARN) return;
    const char* text = archive_error_string(tar_.get());
    throw RuntimeError("", "write archive", "", EIO, name_, text == nullptr ? "cannot write" : text);
  }

  void write_children(int fd, const std::string& prefix, int depth) {
    if (depth > kMaxTreeDepth) throw_errno(ELOOP, "write archive: too deep", "", prefix);
    for (const DirectoryEntry& child : read_directory(fd, true)) write_child(fd, child.name, prefix, depth);
  }

  void write_child(int parent, const std::string& leaf, const std::string& prefix, int depth) {
    if (excluded_.contains(prefix + leaf)) return;
    struct stat facts = {};
    if (request_.overlay_whiteouts && fstatat(parent, leaf.c_str(), &facts, AT_SYMLINK_NOFOLLOW) == 0 &&
        S_ISCHR(facts.st_mode) && facts.st_rdev == 0) {
      return write_marker(prefix + ".wh." + leaf);
    }
    write_named(parent, leaf, prefix + leaf, depth);
  }

  void write_named(int parent, const std::string& leaf, const std::string& name, int depth) {
    name_ = name;
    struct stat facts = {};
    if (fstatat(parent, leaf.c_str(), &facts, AT_SYMLINK_NOFOLLOW) != 0) {
      if (errno == ENOENT && depth > 0) return;  // a running container removed it since its directory was read
      throw_errno("look up", "fstatat", name_);
    }
    if (S_ISSOCK(facts.st_mode)) return;
    const bool overlay = request_.overlay_whiteouts;
    const std::string path = "/proc/self/fd/" + std::to_string(parent) + "/" + leaf;
    write_entry(parent, leaf, path, facts);
    if (!S_ISDIR(facts.st_mode)) return;
    const std::string below = name + (name.ends_with("/") ? "" : "/");
    if (overlay && is_opaque(path)) write_marker(below + ".wh..wh..opq");
    const UniqueFd fd = open_directory_at(parent, leaf, false);
    if (!fd && errno == ENOENT) return;
    if (!fd) throw_errno("open", "openat2", below);
    write_children(fd.get(), below, depth + 1);
  }

  bool is_opaque(const std::string& path) const {
    const std::vector<char> value = attribute_of(path, request_.user_overlay ? kUserOpaque : kTrustedOpaque);
    return value.size() == 1 && value[0] == 'y';
  }

  void write_marker(const std::string& name) {
    const EntryHandle entry(archive_entry_new());
    archive_entry_set_pathname(entry.get(), name.c_str());
    archive_entry_set_filetype(entry.get(), AE_IFREG);
    archive_entry_set_perm(entry.get(), 0);
    archive_entry_set_size(entry.get(), 0);
    archive_entry_set_mtime(entry.get(), 0, 0);
    check(archive_write_header(tar_.get(), entry.get()));
  }

  void write_entry(int parent, const std::string& leaf, const std::string& path, const struct stat& facts) {
    const EntryHandle entry(archive_entry_new());
    const std::string name = S_ISDIR(facts.st_mode) && !name_.ends_with("/") ? name_ + "/" : name_;
    archive_entry_set_pathname(entry.get(), name.c_str());
    describe(entry.get(), facts);
    const bool linked = !S_ISDIR(facts.st_mode) && facts.st_nlink > 1 && set_hard_link(entry.get(), facts);
    if (S_ISLNK(facts.st_mode) && !linked) set_target(entry.get(), parent, leaf);
    if (!linked) add_attributes(entry.get(), path);
    const bool has_data = S_ISREG(facts.st_mode) && !linked && facts.st_size > 0;
    const UniqueFd data(has_data ? open_data(parent, leaf) : -1);
    if (has_data && !data) return;  // removed meanwhile: its header must not be written either
    archive_entry_set_size(entry.get(), has_data ? facts.st_size : 0);
    check(archive_write_header(tar_.get(), entry.get()));
    if (has_data) write_data(data.get(), static_cast<std::uint64_t>(facts.st_size));
  }

  void describe(archive_entry* entry, const struct stat& facts) {
    archive_entry_set_mode(entry, facts.st_mode);
    archive_entry_set_uid(entry, request_.ids.inward(facts.st_uid));
    archive_entry_set_gid(entry, request_.ids.inward(facts.st_gid));
    archive_entry_set_mtime(entry, facts.st_mtim.tv_sec, facts.st_mtim.tv_nsec);
    if (S_ISCHR(facts.st_mode) || S_ISBLK(facts.st_mode)) {
      archive_entry_set_rdevmajor(entry, major(facts.st_rdev));
      archive_entry_set_rdevminor(entry, minor(facts.st_rdev));
    }
  }

  /// True when this file was written before under another name.
  bool set_hard_link(archive_entry* entry, const struct stat& facts) {
    const auto [found, first] = linked_.try_emplace({facts.st_dev, facts.st_ino}, name_);
    if (!first) archive_entry_set_hardlink(entry, found->second.c_str());
    return !first;
  }

  void set_target(archive_entry* entry, int parent, const std::string& leaf) {
    char target[PATH_MAX];
    const ssize_t length = readlinkat(parent, leaf.c_str(), target, sizeof target - 1);
    if (length < 0) throw_errno("read link", "readlinkat", name_);
    target[length] = '\0';
    archive_entry_set_symlink(entry, target);
  }

  void add_attributes(archive_entry* entry, const std::string& path) {
    const ssize_t room = llistxattr(path.c_str(), nullptr, 0);
    if (room <= 0) return;
    std::vector<char> names(static_cast<std::size_t>(room));
    const ssize_t length = llistxattr(path.c_str(), names.data(), names.size());
    for (const char* name = names.data(); length > 0 && name < names.data() + length; name += strlen(name) + 1) {
      if (std::string_view(name).starts_with(kTrustedPrefix)) continue;
      if (request_.user_overlay && std::string_view(name).starts_with(kUserPrefix)) continue;
      const std::vector<char> value = attribute_of(path, name);
      archive_entry_xattr_add_entry(entry, name, value.data(), value.size());
    }
  }

  int open_data(int parent, const std::string& leaf) {
    const int fd = ::openat(parent, leaf.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NOATIME | O_NONBLOCK);
    if (fd < 0 && errno != ENOENT) throw_errno("open", "openat", name_);
    return fd;
  }

  /// Exactly `size` bytes, as the header says: a file that grows meanwhile is cut, one that shrinks is filled up.
  void write_data(int fd, std::uint64_t size) {
    for (std::uint64_t left = size; left > 0;) {
      const ssize_t got = ::read(fd, buffer_.data(), std::min<std::uint64_t>(left, buffer_.size()));
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) throw_errno("read", "read", name_);
      if (got == 0) break;  // libarchive fills up with zeros
      if (archive_write_data(tar_.get(), buffer_.data(), static_cast<std::size_t>(got)) < 0) check(ARCHIVE_FATAL);
      left -= static_cast<std::uint64_t>(got);
    }
  }

  const WriteRequest& request_;
  BlobSink& sink_;
  Utf8Locale locale_;
  std::exception_ptr pending_;
  std::string name_;
  WriteHandle tar_;
  std::vector<char> buffer_;
  std::map<std::pair<dev_t, ino_t>, std::string> linked_;
  std::set<std::string> excluded_{request_.excluded.begin(), request_.excluded.end()};
};

}  // namespace

WriteResult write_layer(const WriteRequest& request) {
  try {
    BlobSink sink(request.archive, request.compression, request.is_pipe);
    {
      LayerWriter writer(request, sink);
      writer.write_all();
    }
    return sink.finish();
  } catch (const RuntimeError& error) {
    throw error.within("write layer " + request.source);
  }
}

}  // namespace tsc
