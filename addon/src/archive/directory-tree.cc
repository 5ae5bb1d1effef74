// Each call goes through TreeRoot's open parents; what a whiteout means depends on what the directory is for.
#include "archive/directory-tree.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "archive/bad-archive.h"
#include "archive/directory.h"

namespace tsc {

EntryPlace DirectoryTree::place_of(const std::string& name) {
  if (name.empty()) return {root_.fd(), ".", "/"};
  const SplitName split = split_name(name);
  return {root_.parent_fd(split.parent), split.leaf, name};
}

PlaceKind DirectoryTree::look_up(const std::string& name) {
  const EntryPlace place = place_of(name);
  struct stat facts = {};
  if (fstatat(place.parent, place.leaf.c_str(), &facts, AT_SYMLINK_NOFOLLOW) == 0) {
    return S_ISDIR(facts.st_mode) ? PlaceKind::directory : PlaceKind::other;
  }
  if (errno != ENOENT) throw_errno("look up", "fstatat", name);
  return PlaceKind::nothing;
}

void DirectoryTree::remove(const std::string& name) {
  const EntryPlace place = place_of(name);
  root_.remove(place.parent, place.leaf);
}

void DirectoryTree::create(const std::string& name, archive_entry* entry, TarReader& data) {
  create_entry(place_of(name), entry, data);
}

void DirectoryTree::make_directory(const std::string& name) {
  const EntryPlace place = place_of(name);
  if (mkdirat(place.parent, place.leaf.c_str(), 0700) != 0) throw_errno("make directory", "mkdirat", name);
}

void DirectoryTree::adorn_directory(const std::string& name, archive_entry* entry) {
  tsc::adorn_directory(place_of(name), entry);
}

void DirectoryTree::link(const std::string& name, const std::string& target) {
  const SplitName split = split_name(target);
  const UniqueFd parent = root_.find_directory(split.parent);
  const EntryPlace place = place_of(name);
  if (parent && linkat(parent.get(), split.leaf.c_str(), place.parent, place.leaf.c_str(), 0) == 0) return;
  const int error = parent ? errno : ENOENT;
  if (error == ENOENT || error == EPERM) {
    throw BadArchive(name, "the hard link's target " + target + " is not there or is a directory");
  }
  throw_errno(error, "link", "linkat", name);
}

void DirectoryTree::set_directory_times(const std::string& name, const EntryTimes& times) {
  if (name.empty()) return set_times({root_.fd(), ".", "/"}, times);
  const SplitName split = split_name(name);
  const UniqueFd parent = root_.find_directory(split.parent);
  struct stat facts = {};
  // A later entry may have put something else in its place.
  if (!parent || fstatat(parent.get(), split.leaf.c_str(), &facts, AT_SYMLINK_NOFOLLOW) != 0) return;
  if (S_ISDIR(facts.st_mode)) set_times({parent.get(), split.leaf, name}, times);
}

bool DirectoryTree::white_out(const std::string& name, const std::string& marker) {
  const SplitName split = split_name(name);
  if (whiteouts_ == Whiteouts::deletion) {
    const UniqueFd parent = root_.find_directory(split.parent);
    if (!parent && errno == ENOTDIR) throw BadArchive(marker, "a parent of the whiteout is not a directory");
    if (parent) root_.remove(parent.get(), split.leaf);
    return false;
  }
  if (look_up(name) != PlaceKind::nothing) remove(name);
  create_whiteout(place_of(name));
  return true;
}

void DirectoryTree::hide_below(const std::string& name, const std::function<bool(const std::string&)>& own) {
  if (whiteouts_ == Whiteouts::deletion) return delete_foreign(name, own, 0);
  if (!name.empty()) root_.parent_fd(name);  // made when the marker comes before its directory
  mark_opaque(place_of(name), whiteouts_ == Whiteouts::user_overlay ? kUserOpaque : kTrustedOpaque);
}

/// Removes all beneath a directory that this layer did not make.
void DirectoryTree::delete_foreign(const std::string& directory, const std::function<bool(const std::string&)>& own,
                                   int depth) {
  if (depth > kMaxTreeDepth) throw_errno(ELOOP, "apply whiteout: too deep", "", directory);
  const UniqueFd fd = root_.find_directory(directory);
  if (!fd) return;
  for (const DirectoryEntry& entry : read_directory(fd.get(), false)) {
    const std::string name = directory.empty() ? entry.name : directory + "/" + entry.name;
    if (!own(name)) {
      root_.remove(fd.get(), entry.name);
    } else if (entry.type == DT_DIR) {
      delete_foreign(name, own, depth + 1);
    }
  }
}

}  // namespace tsc
