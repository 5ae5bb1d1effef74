// The order of one layer: each entry replaces what is at its place (a directory merges with a directory), whiteouts
// concern the layers below only, and directories get their times last, when nothing is added to them any more.
#include "archive/layer-applier.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <unordered_map>
#include <unordered_set>

#include "archive/bad-archive.h"
#include "archive/directory.h"
#include "archive/layer-entry.h"
#include "archive/tree-root.h"

namespace tsc {
namespace {

constexpr std::uint64_t kMaxEntries = 4'000'000;
constexpr char kWhiteoutPrefix[] = ".wh.";
constexpr char kOpaqueName[] = ".wh..wh..opq";
constexpr char kAufsPrefix[] = ".wh..wh.";

/// Errors that only the archive's content can cause, whatever the disk.
bool is_archive_fault(int error) {
  return error == ENAMETOOLONG || error == ELOOP || error == ENOTDIR || error == E2BIG;
}

class LayerApplier {
 public:
  LayerApplier(const LayerRequest& request, TarReader& tar)
      : request_(request), tar_(tar), root_(request.target, request.parents) {}

  std::uint64_t apply_all() {
    std::uint64_t count = 0;
    while (archive_entry* entry = tar_.next()) {
      if (++count > kMaxEntries) throw_errno(EFBIG, "apply layer: too many entries", "", request_.blob);
      apply_named(entry);
    }
    for (const auto& [name, times] : directories_) set_directory_times(name, times);
    if (request_.sync && syncfs(root_.fd()) != 0) throw_errno("flush", "syncfs", request_.target);
    return count;
  }

 private:
  void apply_named(archive_entry* entry) {
    const char* raw = archive_entry_pathname(entry);
    if (raw == nullptr || *raw == '\0') {
      throw BadArchive("", "an entry's name is missing or is not UTF-8, behind the entry " + before_);
    }
    before_ = raw;
    const std::string name = prefixed(clean_name(raw));
    set_owner_of(entry);
    try {
      apply(name, entry);
    } catch (const BadArchive&) {
      throw;
    } catch (const RuntimeError& error) {
      if (is_archive_fault(error.error)) throw BadArchive(name, error.what());
      throw;
    }
  }

  std::string prefixed(const std::string& name) const {
    if (request_.prefix.empty()) return name;
    return name.empty() ? request_.prefix : request_.prefix + "/" + name;
  }

  void set_owner_of(archive_entry* entry) const {
    if (request_.owner) {
      archive_entry_set_uid(entry, request_.owner->uid);
      archive_entry_set_gid(entry, request_.owner->gid);
    }
    if (request_.ids.count == 0) return;
    archive_entry_set_uid(entry, request_.ids.outward(static_cast<std::uint32_t>(archive_entry_uid(entry))));
    archive_entry_set_gid(entry, request_.ids.outward(static_cast<std::uint32_t>(archive_entry_gid(entry))));
  }

  void apply(const std::string& name, archive_entry* entry) {
    if (request_.whiteouts == Whiteouts::none) return apply_plain(name, entry);
    const std::string leaf = split_name(name).leaf;
    if (leaf == kOpaqueName) return hide_below(split_name(name).parent);
    if (leaf.starts_with(kAufsPrefix)) return;  // aufs's own bookkeeping: layer.md reserves the prefix
    if (leaf.starts_with(kWhiteoutPrefix)) return white_out(name, leaf.substr(sizeof kWhiteoutPrefix - 1));
    apply_plain(name, entry);
  }

  void apply_plain(const std::string& name, archive_entry* entry) {
    if (const char* target = archive_entry_hardlink(entry)) {
      return link(name, prefixed(clean_target(name, target)), entry);
    }
    if (archive_entry_filetype(entry) == AE_IFDIR) return make_directory(name, entry);
    const EntryPlace place = cleared_place(name);
    create_entry(place, entry, tar_);
    own(name);
  }

  static std::string clean_target(const std::string& name, const char* target) {
    try {
      return clean_name(target);
    } catch (const BadArchive& error) {
      throw BadArchive(name, "the hard link leads to " + std::string(target) + ": " + error.detail);
    }
  }

  /// Remembers what this layer made, the parents that it implies too: whiteouts leave it alone.
  void own(std::string name) {
    while (own_.insert(name).second && !name.empty()) name = split_name(name).parent;
  }

  EntryPlace place_of(const std::string& name) {
    const SplitName split = split_name(name);
    return {root_.parent_fd(split.parent), split.leaf, name};
  }

  /// The place with nothing there. Only an entry that this layer has not made can be a directory with children; it
  /// goes with all of them.
  EntryPlace cleared_place(const std::string& name) {
    if (name.empty()) throw BadArchive(name, "the layer's root is not a directory");
    EntryPlace place = place_of(name);
    struct stat facts = {};
    if (fstatat(place.parent, place.leaf.c_str(), &facts, AT_SYMLINK_NOFOLLOW) != 0) {
      if (errno != ENOENT) throw_errno("look up", "fstatat", name);
      return place;
    }
    if (request_.keeps_types && S_ISDIR(facts.st_mode)) {
      throw BadArchive(name, "cannot overwrite directory with non-directory");
    }
    root_.remove(place.parent, place.leaf);
    return place_of(name);
  }

  void make_directory(const std::string& name, archive_entry* entry) {
    own(name);
    directories_[name] = entry_times(entry);
    if (name.empty()) return adorn_directory({root_.fd(), ".", "/"}, entry);
    EntryPlace place = place_of(name);
    if (mkdirat(place.parent, place.leaf.c_str(), 0700) != 0) {
      if (errno != EEXIST) throw_errno("make directory", "mkdirat", name);
      place = replace_by_directory(place);
    }
    adorn_directory(place, entry);
  }

  EntryPlace replace_by_directory(const EntryPlace& there) {
    struct stat facts = {};
    if (fstatat(there.parent, there.leaf.c_str(), &facts, AT_SYMLINK_NOFOLLOW) != 0) {
      throw_errno("look up", "fstatat", there.name);
    }
    if (S_ISDIR(facts.st_mode)) return there;
    if (request_.keeps_types) throw BadArchive(there.name, "cannot overwrite non-directory with directory");
    EntryPlace place = cleared_place(there.name);
    if (mkdirat(place.parent, place.leaf.c_str(), 0700) != 0) throw_errno("make directory", "mkdirat", place.name);
    // The whiteout of this very layer hid what is below; the directory that takes its place goes on hiding it.
    if (whiteouts_.erase(place.name) != 0) mark_opaque(place);
    return place;
  }

  void link(const std::string& name, const std::string& target, archive_entry* entry) {
    if (target.empty()) throw BadArchive(name, "the hard link leads to the layer's root");
    if (target == name) throw BadArchive(name, "the hard link leads to itself");
    if (whiteouts_.contains(target)) throw BadArchive(name, "the hard link leads to the whiteout of " + target);
    cleared_place(name);
    const SplitName split = split_name(target);
    const UniqueFd parent = root_.find_directory(split.parent);
    const EntryPlace place = place_of(name);
    if (!parent || linkat(parent.get(), split.leaf.c_str(), place.parent, place.leaf.c_str(), 0) != 0) {
      const int error = parent ? errno : ENOENT;
      if (error == ENOENT || error == EPERM) {
        throw BadArchive(name, "the hard link's target " + target + " is not there or is a directory");
      }
      throw_errno(error, "link", "linkat", name);
    }
    own(name);
    skip_data(entry);
  }

  /// Old writers put data behind a hard link; it is the target's own.
  void skip_data(archive_entry* entry) {
    DataPiece piece;
    while (archive_entry_size(entry) > 0 && tar_.next_data(piece)) {
    }
  }

  void white_out(const std::string& marker, const std::string& leaf) {
    if (leaf.empty() || leaf == "." || leaf == "..") throw BadArchive(marker, "the whiteout names nothing");
    const SplitName split = split_name(marker);
    const std::string name = split.parent.empty() ? leaf : split.parent + "/" + leaf;
    if (own_.contains(name)) return keep_own(name);
    if (request_.whiteouts == Whiteouts::deletion) {
      const UniqueFd parent = root_.find_directory(split.parent);
      if (!parent && errno == ENOTDIR) throw BadArchive(marker, "a parent of the whiteout is not a directory");
      if (parent) root_.remove(parent.get(), leaf);
      return;
    }
    create_whiteout(cleared_place(name));
    whiteouts_.insert(name);
  }

  /// The layer has both `x` and `.wh.x`: the new one stays and the one below goes, which for a directory is opaque.
  void keep_own(const std::string& name) {
    const EntryPlace place = place_of(name);
    struct stat facts = {};
    if (fstatat(place.parent, place.leaf.c_str(), &facts, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(facts.st_mode)) {
      hide_below(name);
    }
  }

  void hide_below(const std::string& name) {
    if (request_.whiteouts == Whiteouts::deletion) return delete_foreign(name, 0);
    if (name.empty()) return mark_opaque({root_.fd(), ".", "/"});
    root_.parent_fd(name);  // made when the marker comes before its directory
    mark_opaque(place_of(name));
  }

  /// Removes all beneath a directory that this layer did not make.
  void delete_foreign(const std::string& directory, int depth) {
    if (depth > kMaxTreeDepth) throw_errno(ELOOP, "apply whiteout: too deep", "", directory);
    const UniqueFd fd = root_.find_directory(directory);
    if (!fd) return;
    for (const DirectoryEntry& entry : read_directory(fd.get(), false)) {
      const std::string name = directory.empty() ? entry.name : directory + "/" + entry.name;
      if (!own_.contains(name)) {
        root_.remove(fd.get(), entry.name);
      } else if (entry.type == DT_DIR) {
        delete_foreign(name, depth + 1);
      }
    }
  }

  void set_directory_times(const std::string& name, const EntryTimes& times) {
    if (name.empty()) return set_times({root_.fd(), ".", "/"}, times);
    const SplitName split = split_name(name);
    const UniqueFd parent = root_.find_directory(split.parent);
    struct stat facts = {};
    // A later entry may have put something else in its place.
    if (!parent || fstatat(parent.get(), split.leaf.c_str(), &facts, AT_SYMLINK_NOFOLLOW) != 0) return;
    if (S_ISDIR(facts.st_mode)) set_times({parent.get(), split.leaf, name}, times);
  }

  const LayerRequest& request_;
  TarReader& tar_;
  TreeRoot root_;
  std::string before_;  // the name of the last entry that had one
  std::unordered_set<std::string> own_;
  std::unordered_set<std::string> whiteouts_;
  std::unordered_map<std::string, EntryTimes> directories_;
};

}  // namespace

LayerResult apply_layer(const LayerRequest& request) {
  const std::string operation = request.operation.empty() ? "apply layer " + request.blob : request.operation;
  try {
    BlobStream stream(request.blob, request.max_bytes);
    TarReader tar(stream);
    LayerResult result;
    result.entries = LayerApplier(request, tar).apply_all();
    stream.drain();  // what follows the end of the archive belongs to the digest
    result.diff_id = stream.digest();
    result.size = stream.size();
    return result;
  } catch (const BadArchive& error) {
    throw BadArchive(error.path, error.detail, operation);
  } catch (const RuntimeError& error) {
    throw error.within(operation);
  }
}

}  // namespace tsc
