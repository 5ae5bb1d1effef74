// One tar entry as a file: made at its place with its data, then owner, mode, extended attributes and times.
#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <functional>
#include <string>

#include "archive/tar-reader.h"

namespace tsc {

/// Where an entry goes: beneath an open directory, and the whole name for errors.
struct EntryPlace {
  int parent = -1;
  std::string leaf;
  std::string name;
};

/// Access and modification time of an entry, to the nanosecond.
struct EntryTimes {
  timespec accessed = {};
  timespec modified = {};
};
EntryTimes entry_times(archive_entry* entry);

/// Whom an entry belongs to. Throws BadArchive for what is no user or group id; `name` is for the error.
struct EntryOwner {
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
};
EntryOwner entry_owner(archive_entry* entry, const std::string& name);

/// The entry's extended attributes, less those of overlayfs itself, which a layer may not bring.
void for_each_attribute(archive_entry* entry,
                        const std::function<void(const char* name, const void* value, std::size_t length)>& take);

/// Makes the entry (no directory, no hard link) at a place where nothing is. Throws EEXIST as RuntimeError, BadArchive
/// for a type that a layer cannot hold.
void create_entry(const EntryPlace& place, archive_entry* entry, TarReader& data);

/// Owner, mode and attributes of a directory that exists. Its times are the caller's, once nothing is added any more.
void adorn_directory(const EntryPlace& place, archive_entry* entry);

/// Times of whatever is at the place, a symbolic link itself.
void set_times(const EntryPlace& place, const EntryTimes& times);

/// Makes a character device 0:0, overlayfs's whiteout.
void create_whiteout(const EntryPlace& place);

/// What overlayfs looks for, and where it is mounted with `userxattr`.
inline constexpr char kTrustedOpaque[] = "trusted.overlay.opaque";
inline constexpr char kUserOpaque[] = "user.overlay.opaque";

/// Marks a directory as hiding all that lies below it.
void mark_opaque(const EntryPlace& place, const char* attribute);

}  // namespace tsc
