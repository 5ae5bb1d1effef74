// Makes the files of a layer. Owner comes before mode, because chown(2) clears the set-uid bits, and before the
// attributes, because it clears security.capability as well.
#include "archive/layer-entry.h"

#include <fcntl.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstring>

#include "archive/bad-archive.h"
#include "linux/unique-fd.h"

namespace tsc {
namespace {

constexpr mode_t kPermissions = 07777;

/// overlayfs's own attributes (redirect, metacopy, opaque) would let a layer point into another place: never taken over.
bool is_overlay_attribute(const char* name) {
  return strncmp(name, "trusted.overlay.", 16) == 0 || strncmp(name, "user.overlay.", 13) == 0;
}

/// `set` is fsetxattr or lsetxattr bound to the file. A file system without such attributes is no error, as in
/// containerd; any other failure is.
template <typename Set>
void set_attributes(const EntryPlace& place, archive_entry* entry, const char* syscall, Set set) {
  for_each_attribute(entry, [&](const char* name, const void* value, std::size_t length) {
    if (set(name, value, length) != 0 && errno != EOPNOTSUPP) {
      throw_errno(std::string("set attribute ") + name, syscall, place.name);
    }
  });
}

void set_attributes_by_path(const EntryPlace& place, archive_entry* entry) {
  // There is no *at form before Linux 6.13; the fd's own link in /proc stands for it.
  const std::string path = "/proc/self/fd/" + std::to_string(place.parent) + "/" + place.leaf;
  set_attributes(place, entry, "lsetxattr", [&](const char* name, const void* value, std::size_t length) {
    return lsetxattr(path.c_str(), name, value, length, 0);
  });
}

/// -1 would mean to chown(2) that the owner stays as it is.
std::uint32_t checked_id(std::int64_t id, const std::string& name) {
  if (id < 0 || id >= UINT32_MAX) throw BadArchive(name, "owner " + std::to_string(id) + " is no user or group id");
  return static_cast<std::uint32_t>(id);
}

void set_owner(const EntryPlace& place, archive_entry* entry) {
  const EntryOwner owner = entry_owner(entry, place.name);
  if (fchownat(place.parent, place.leaf.c_str(), owner.uid, owner.gid, AT_SYMLINK_NOFOLLOW) != 0) {
    throw_errno("change owner", "fchownat", place.name);
  }
}

void set_mode(const EntryPlace& place, archive_entry* entry) {
  if (fchmodat(place.parent, place.leaf.c_str(), archive_entry_perm(entry) & kPermissions, 0) != 0) {
    throw_errno("change mode", "fchmodat", place.name);
  }
}

void write_at(int fd, const DataPiece& piece, const std::string& name) {
  const char* data = static_cast<const char*>(piece.data);
  for (std::size_t done = 0; done < piece.length;) {
    const ssize_t put = pwrite(fd, data + done, piece.length - done, piece.offset + static_cast<off_t>(done));
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) throw_errno("write", "pwrite", name);
    done += static_cast<std::size_t>(put);
  }
}

void write_data(int fd, const EntryPlace& place, archive_entry* entry, TarReader& data) {
  DataPiece piece;
  std::int64_t end = 0;
  while (data.next_data(piece)) {
    write_at(fd, piece, place.name);
    end = piece.offset + static_cast<std::int64_t>(piece.length);
  }
  const std::int64_t size = archive_entry_size(entry);
  // A hole at the end has no data of its own.
  if (size <= end || ftruncate(fd, size) == 0) return;
  if (errno == EFBIG) throw BadArchive(place.name, "a file of " + std::to_string(size) + " bytes, larger than any disk has");
  throw_errno("set size", "ftruncate", place.name);
}

void create_file(const EntryPlace& place, archive_entry* entry, TarReader& data) {
  const UniqueFd fd(
      ::openat(place.parent, place.leaf.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!fd) throw_errno("create", "openat", place.name);
  write_data(fd.get(), place, entry, data);
  const EntryOwner owner = entry_owner(entry, place.name);
  if (fchown(fd.get(), owner.uid, owner.gid) != 0) throw_errno("change owner", "fchown", place.name);
  if (fchmod(fd.get(), archive_entry_perm(entry) & kPermissions) != 0) throw_errno("change mode", "fchmod", place.name);
  set_attributes(place, entry, "fsetxattr", [&](const char* name, const void* value, std::size_t length) {
    return fsetxattr(fd.get(), name, value, length, 0);
  });
  const EntryTimes times = entry_times(entry);
  const timespec both[2] = {times.accessed, times.modified};
  if (futimens(fd.get(), both) != 0) throw_errno("set times", "futimens", place.name);
}

void create_symbolic_link(const EntryPlace& place, archive_entry* entry) {
  const char* target = archive_entry_symlink(entry);
  if (target == nullptr || *target == '\0') throw BadArchive(place.name, "the symbolic link has no target");
  if (symlinkat(target, place.parent, place.leaf.c_str()) != 0) throw_errno("create", "symlinkat", place.name);
  set_owner(place, entry);
  set_attributes_by_path(place, entry);
  set_times(place, entry_times(entry));
}

void create_node(const EntryPlace& place, archive_entry* entry) {
  const mode_t type = archive_entry_filetype(entry);
  const dev_t device = type == AE_IFIFO ? 0
                                        : makedev(static_cast<unsigned>(archive_entry_rdevmajor(entry)),
                                                  static_cast<unsigned>(archive_entry_rdevminor(entry)));
  if (type == AE_IFCHR && device == 0) throw BadArchive(place.name, "the device 0:0 is overlayfs's whiteout, not a file");
  if (mknodat(place.parent, place.leaf.c_str(), type | 0600, device) != 0) throw_errno("create", "mknodat", place.name);
  set_owner(place, entry);
  set_mode(place, entry);
  set_attributes_by_path(place, entry);
  set_times(place, entry_times(entry));
}

}  // namespace

EntryOwner entry_owner(archive_entry* entry, const std::string& name) {
  return {checked_id(archive_entry_uid(entry), name), checked_id(archive_entry_gid(entry), name)};
}

void for_each_attribute(archive_entry* entry,
                        const std::function<void(const char* name, const void* value, std::size_t length)>& take) {
  archive_entry_xattr_reset(entry);
  const char* name = nullptr;
  const void* value = nullptr;
  std::size_t length = 0;
  while (archive_entry_xattr_next(entry, &name, &value, &length) == ARCHIVE_OK) {
    if (name != nullptr && !is_overlay_attribute(name)) take(name, value, length);
  }
}

EntryTimes entry_times(archive_entry* entry) {
  EntryTimes times;
  times.modified = {static_cast<time_t>(archive_entry_mtime(entry)), archive_entry_mtime_nsec(entry)};
  times.accessed = times.modified;
  if (archive_entry_atime_is_set(entry)) {
    times.accessed = {static_cast<time_t>(archive_entry_atime(entry)), archive_entry_atime_nsec(entry)};
  }
  return times;
}

void create_entry(const EntryPlace& place, archive_entry* entry, TarReader& data) {
  switch (archive_entry_filetype(entry)) {
    case AE_IFREG: return create_file(place, entry, data);
    case AE_IFLNK: return create_symbolic_link(place, entry);
    case AE_IFCHR:
    case AE_IFBLK:
    case AE_IFIFO: return create_node(place, entry);
    default: throw BadArchive(place.name, "an entry of a type that no layer holds");
  }
}

void adorn_directory(const EntryPlace& place, archive_entry* entry) {
  set_owner(place, entry);
  set_mode(place, entry);
  set_attributes_by_path(place, entry);
}

void set_times(const EntryPlace& place, const EntryTimes& times) {
  const timespec both[2] = {times.accessed, times.modified};
  if (utimensat(place.parent, place.leaf.c_str(), both, AT_SYMLINK_NOFOLLOW) != 0) {
    throw_errno("set times", "utimensat", place.name);
  }
}

void create_whiteout(const EntryPlace& place) {
  if (mknodat(place.parent, place.leaf.c_str(), S_IFCHR, makedev(0, 0)) != 0) {
    throw_errno("create whiteout", "mknodat", place.name);
  }
}

void mark_opaque(const EntryPlace& place, const char* attribute) {
  const std::string path = "/proc/self/fd/" + std::to_string(place.parent) + "/" + place.leaf;
  if (lsetxattr(path.c_str(), attribute, "y", 1, 0) != 0) throw_errno("mark opaque", "lsetxattr", place.name);
}

}  // namespace tsc
