// The order of one layer: each entry replaces what is at its place (a directory merges with a directory), whiteouts
// concern the layers below only, and directories get their times last, when nothing is added to them any more.
#include "archive/layer-applier.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <unordered_map>
#include <unordered_set>

#include "archive/bad-archive.h"
#include "archive/erofs-tree.h"
#include "archive/layer-tree.h"
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
  LayerApplier(const LayerRequest& request, TarReader& tar, LayerTree& tree)
      : request_(request), tar_(tar), tree_(tree) {}

  std::uint64_t apply_all() {
    std::uint64_t count = 0;
    while (archive_entry* entry = tar_.next()) {
      if (++count > kMaxEntries) throw_errno(EFBIG, "apply layer: too many entries", "", request_.blob);
      apply_named(entry);
    }
    for (const auto& [name, times] : directories_) tree_.set_directory_times(name, times);
    return count;
  }

  /// Whether an entry of the archive is that directory.
  bool names_directory(const std::string& name) const { return directories_.contains(name); }

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
    clear(name);
    tree_.create(name, entry, tar_);
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

  /// Nothing is at the place afterwards. Only an entry that this layer has not made can be a directory with children; it
  /// goes with all of them.
  void clear(const std::string& name) {
    if (name.empty()) throw BadArchive(name, "the layer's root is not a directory");
    const PlaceKind there = tree_.look_up(name);
    if (there == PlaceKind::nothing) return;
    if (request_.keeps_types && there == PlaceKind::directory) {
      throw BadArchive(name, "cannot overwrite directory with non-directory");
    }
    tree_.remove(name);
  }

  void make_directory(const std::string& name, archive_entry* entry) {
    own(name);
    directories_[name] = entry_times(entry);
    const PlaceKind there = name.empty() ? PlaceKind::directory : tree_.look_up(name);
    if (there == PlaceKind::other) replace_by_directory(name);
    if (there == PlaceKind::nothing) tree_.make_directory(name);
    tree_.adorn_directory(name, entry);
  }

  void replace_by_directory(const std::string& name) {
    if (request_.keeps_types) throw BadArchive(name, "cannot overwrite non-directory with directory");
    tree_.remove(name);
    tree_.make_directory(name);
    // The whiteout of this very layer hid what is below; the directory that takes its place goes on hiding it.
    if (whiteouts_.erase(name) != 0) hide_below(name);
  }

  void link(const std::string& name, const std::string& target, archive_entry* entry) {
    if (target.empty()) throw BadArchive(name, "the hard link leads to the layer's root");
    if (target == name) throw BadArchive(name, "the hard link leads to itself");
    if (whiteouts_.contains(target)) throw BadArchive(name, "the hard link leads to the whiteout of " + target);
    clear(name);
    tree_.link(name, target);
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
    if (tree_.white_out(name, marker)) whiteouts_.insert(name);
  }

  /// The layer has both `x` and `.wh.x`: the new one stays and the one below goes, which for a directory is opaque.
  void keep_own(const std::string& name) {
    if (tree_.look_up(name) == PlaceKind::directory) hide_below(name);
  }

  void hide_below(const std::string& name) {
    tree_.hide_below(name, [this](const std::string& below) { return own_.contains(below); });
  }

  const LayerRequest& request_;
  TarReader& tar_;
  LayerTree& tree_;
  std::string before_;  // the name of the last entry that had one
  std::unordered_set<std::string> own_;
  std::unordered_set<std::string> whiteouts_;
  std::unordered_map<std::string, EntryTimes> directories_;
};

/// Implied directories that no entry names: theirs are owner and mode of what lies below, which is not there yet.
std::string still_implied(const std::vector<std::string>& implied, const LayerApplier& applier) {
  std::string names;
  const auto add = [&](const std::string& name) {
    if (!applier.names_directory(name)) names.append(name).push_back('\0');
  };
  add("");
  for (const std::string& name : implied) add(name);
  return names;
}

// What follows the end of the archive belongs to the digest, too: the stream is read to its end before a layer counts.

void apply_to_directory(const LayerRequest& request, BlobStream& stream, LayerResult& result) {
  TarReader tar(stream);
  DirectoryTree tree(request.target, request.parents, request.whiteouts);
  LayerApplier applier(request, tar, tree);
  result.entries = applier.apply_all();
  stream.drain();
  if (request.is_detached) result.implied = still_implied(tree.implied(), applier);
  if (request.sync && syncfs(tree.fd()) != 0) throw_errno("flush", "syncfs", request.target);
}

void finish_image(const LayerRequest& request, const LayerApplier& applier, ErofsTree& tree, LayerResult& result) {
  result.implied = tree.finish([&](const std::string& name) { return applier.names_directory(name); }, request.sync);
  if (request.is_detached) return;
  try {
    take_after_parents_in_image(request.image, request.parents, result.implied);
  } catch (...) {
    unlink(request.image.c_str());
    throw;
  }
  result.implied.clear();
}

void apply_to_image(const LayerRequest& request, BlobStream& stream, LayerResult& result) {
  TarReader tar(stream);
  ErofsTree tree(request.image, request.whiteouts == Whiteouts::user_overlay ? kUserOpaque : kTrustedOpaque);
  LayerApplier applier(request, tar, tree);
  result.entries = applier.apply_all();
  stream.drain();
  finish_image(request, applier, tree, result);
}

}  // namespace

LayerResult apply_layer(const LayerRequest& request) {
  const std::string operation = request.operation.empty() ? "apply layer " + request.blob : request.operation;
  try {
    BlobStream stream(request.blob, request.max_bytes);
    LayerResult result;
    if (request.image.empty()) apply_to_directory(request, stream, result);
    else apply_to_image(request, stream, result);
    result.diff_id = stream.digest();
    result.size = stream.size();
    return result;
  } catch (const BadArchive& error) {
    throw BadArchive(error.path, error.detail, operation);
  } catch (const RuntimeError& error) {
    throw error.within(operation);
  }
}

void take_after_parents(const std::string& target, const std::vector<std::string>& parents,
                        std::string_view names) {
  TreeRoot root(target, parents);
  for (std::size_t at = 0; at < names.size();) {
    const std::size_t end = std::min(names.find('\0', at), names.size());
    root.take_after_parents(std::string(names.substr(at, end - at)));
    at = end + 1;
  }
}

}  // namespace tsc
