// Names are resolved as the kernel would beneath RESOLVE_IN_ROOT: links inside the tree, `..` never above its root.
#include "archive/erofs-tree.h"

#include <linux/limits.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <ctime>

#include "archive/bad-archive.h"
#include "archive/erofs-format.h"
#include "archive/tree-root.h"

namespace tsc {
namespace {

constexpr int kMaxLinks = 40;
constexpr std::uint32_t kPermissions = 07777;
constexpr std::uint32_t kImpliedMode = S_IFDIR | 0755;
/// Tree and names of one layer; an honest one with 100,000 files takes 30 MB.
constexpr std::uint64_t kMaxMemory = 256u << 20;
constexpr std::size_t kNodeBytes = sizeof(ErofsNode) + 96;  // with its place in a map
constexpr std::size_t kMaxAttributeBytes = 65535;
constexpr std::size_t kMaxAttributesBytes = 128u << 10;

std::uint32_t encoded_device(std::uint32_t major, std::uint32_t minor) {
  return (minor & 0xff) | (major << 8) | ((minor & ~0xffu) << 12);  // new_encode_dev() of the kernel
}

}  // namespace

ErofsTree::ErofsTree(const std::string& image, const char* opaque) : image_(image), opaque_(opaque), file_(image) {
  clock_gettime(CLOCK_REALTIME, &now_);
  root_ = &nodes_.emplace_back();
  root_->mode = kImpliedMode;
  root_->modified = now_;
  root_->parent = root_;
  implied_.emplace_back("", root_);
}

/// The directory at `path`, links followed; nullptr with errno set as openat2 would.
ErofsNode* ErofsTree::walk(const std::string& path) {
  const auto fail = [](int error) -> ErofsNode* {
    errno = error;
    return nullptr;
  };
  if (path.size() >= PATH_MAX) return fail(ENAMETOOLONG);
  ErofsNode* at = root_;
  int links = 0;
  std::string rest = path;
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find('/'), rest.size());
    const std::string part = rest.substr(0, end);
    rest.erase(0, std::min(end + 1, rest.size()));
    if (!S_ISDIR(at->mode)) return fail(ENOTDIR);
    if (part.empty() || part == ".") continue;
    if (part == "..") {
      at = at->parent;
      continue;
    }
    if (part.size() > NAME_MAX) return fail(ENAMETOOLONG);
    const auto found = at->children.find(part);
    if (found == at->children.end()) return fail(ENOENT);
    if (!S_ISLNK(found->second->mode)) {
      at = found->second;
      continue;
    }
    if (++links > kMaxLinks) return fail(ELOOP);
    const std::string& target = found->second->link;
    if (target.front() == '/') at = root_;
    rest = rest.empty() ? target : target + "/" + rest;
    if (rest.size() >= PATH_MAX) return fail(ENAMETOOLONG);
  }
  return S_ISDIR(at->mode) ? at : fail(ENOTDIR);
}

/// The directory at `path`, made with its parents when it is missing.
ErofsNode* ErofsTree::directory(const std::string& path) {
  if (path.empty()) return root_;
  if (last_.second != nullptr && last_.first == path) return last_.second;
  ErofsNode* found = walk(path);
  if (found == nullptr && errno == ENOENT) {
    ErofsNode* parent = directory(split_name(path).parent);
    if (!parent->children.contains(split_name(path).leaf)) implied_.emplace_back(path, add(path, kImpliedMode));
    found = walk(path);
    if (found == nullptr && errno == ENOENT) throw BadArchive(path, "a parent is a symbolic link that leads nowhere");
  }
  if (found == nullptr && errno == ENAMETOOLONG) throw BadArchive(path, "the name is too long");
  if (found == nullptr) throw BadArchive(path, "a parent is not a directory");
  last_ = {path, found};
  return found;
}

ErofsNode* ErofsTree::child(const std::string& name) {
  if (name.empty()) return root_;
  const SplitName split = split_name(name);
  const ErofsNode* parent = directory(split.parent);
  const auto found = parent->children.find(split.leaf);
  return found == parent->children.end() ? nullptr : found->second;
}

void ErofsTree::account(std::size_t bytes, const std::string& name) {
  memory_ += bytes;
  if (memory_ > kMaxMemory) throw_errno(EFBIG, "hold the layer's tree in memory", "", name);
}

ErofsNode* ErofsTree::add(const std::string& name, std::uint32_t mode) {
  const SplitName split = split_name(name);
  if (split.leaf.size() > NAME_MAX) throw BadArchive(name, "the name is too long");
  ErofsNode* parent = directory(split.parent);
  account(kNodeBytes + split.leaf.size(), name);
  ErofsNode* node = &nodes_.emplace_back();
  node->mode = mode;
  node->modified = now_;
  if (S_ISDIR(mode)) node->parent = parent;
  parent->children.emplace(split.leaf, node);
  return node;
}

PlaceKind ErofsTree::look_up(const std::string& name) {
  if (split_name(name).leaf.size() > NAME_MAX) throw BadArchive(name, "the name is too long");
  const ErofsNode* node = child(name);
  if (node == nullptr) return PlaceKind::nothing;
  return S_ISDIR(node->mode) ? PlaceKind::directory : PlaceKind::other;
}

void ErofsTree::remove(const std::string& name) {
  const SplitName split = split_name(name);
  directory(split.parent)->children.erase(split.leaf);
  last_ = {};
}

void ErofsTree::create(const std::string& name, archive_entry* entry, TarReader& data) {
  const std::uint32_t type = archive_entry_filetype(entry);
  const char* target = archive_entry_symlink(entry);
  const auto major = static_cast<std::uint32_t>(archive_entry_rdevmajor(entry));
  const auto minor = static_cast<std::uint32_t>(archive_entry_rdevminor(entry));
  switch (type) {
    case AE_IFREG:
    case AE_IFIFO: break;
    case AE_IFLNK:
      if (target == nullptr || *target == '\0') throw BadArchive(name, "the symbolic link has no target");
      if (strlen(target) >= PATH_MAX) throw BadArchive(name, "the symbolic link's target is too long");
      break;
    case AE_IFCHR:
      if (major == 0 && minor == 0) throw BadArchive(name, "the device 0:0 is overlayfs's whiteout, not a file");
      break;
    case AE_IFBLK: break;
    default: throw BadArchive(name, "an entry of a type that no layer holds");
  }
  ErofsNode* node = add(name, type);
  adorn(node, name, entry);
  node->modified = entry_times(entry).modified;
  if (type == AE_IFCHR || type == AE_IFBLK) node->device = encoded_device(major, minor);
  if (type == AE_IFLNK) {
    account(strlen(target), name);
    node->mode = S_IFLNK | 0777;
    node->link = target;
    node->size = node->link.size();
  }
  if (type == AE_IFREG) write_data(node, name, entry, data);
}

void ErofsTree::write_data(ErofsNode* node, const std::string& name, archive_entry* entry, TarReader& data) {
  const std::uint64_t begin = next_block_ * kErofsBlock;
  const auto size = static_cast<std::uint64_t>(std::max<std::int64_t>(archive_entry_size(entry), 0));
  const std::uint64_t room = (std::uint64_t{UINT32_MAX} - next_block_) * kErofsBlock;
  if (size > room) throw BadArchive(name, "a file of " + std::to_string(size) + " bytes, larger than an image has room for");
  std::uint64_t end = 0;
  for (DataPiece piece; data.next_data(piece);) {
    const auto offset = static_cast<std::uint64_t>(piece.offset);
    if (piece.offset < 0 || offset > room || piece.length > room - offset) throw BadArchive(name, "data beyond all bounds");
    file_.write(begin + offset, piece.data, piece.length);
    end = std::max(end, offset + piece.length);
  }
  node->size = std::max(size, end);
  if (node->size == 0) return;
  node->block = static_cast<std::uint32_t>(next_block_);
  next_block_ += (node->size + kErofsBlock - 1) / kErofsBlock;
}

void ErofsTree::set_attribute(ErofsNode* node, const std::string& key, std::string value) {
  for (auto& [known, old] : node->attributes) {
    if (known != key) continue;
    old = std::move(value);
    return;
  }
  node->attributes.emplace_back(key, std::move(value));
}

void ErofsTree::adorn(ErofsNode* node, const std::string& name, archive_entry* entry) {
  node->owner = entry_owner(entry, name);
  node->mode = (node->mode & S_IFMT) | (archive_entry_perm(entry) & kPermissions);
  std::size_t total = 0;
  for_each_attribute(entry, [&](const char* key, const void* value, std::size_t length) {
    total += strlen(key) + length;
    if (strlen(key) > XATTR_NAME_MAX || length > kMaxAttributeBytes || total > kMaxAttributesBytes) {
      throw BadArchive(name, std::string("the attribute ") + key + " is too large");
    }
    account(strlen(key) + length + 64, name);
    set_attribute(node, key, std::string(static_cast<const char*>(value), length));
  });
}

void ErofsTree::make_directory(const std::string& name) { add(name, S_IFDIR | 0700); }

void ErofsTree::adorn_directory(const std::string& name, archive_entry* entry) { adorn(child(name), name, entry); }

void ErofsTree::link(const std::string& name, const std::string& target) {
  const SplitName split = split_name(target);
  ErofsNode* from = walk(split.parent);
  const auto found = from == nullptr ? decltype(from->children.end()){} : from->children.find(split.leaf);
  if (from == nullptr || found == from->children.end() || S_ISDIR(found->second->mode)) {
    throw BadArchive(name, "the hard link's target " + target + " is not there or is a directory");
  }
  ErofsNode* node = found->second;
  const SplitName place = split_name(name);
  if (place.leaf.size() > NAME_MAX) throw BadArchive(name, "the name is too long");
  account(96 + place.leaf.size(), name);
  directory(place.parent)->children.emplace(place.leaf, node);
}

void ErofsTree::set_directory_times(const std::string& name, const EntryTimes& times) {
  const SplitName split = split_name(name);
  ErofsNode* node = root_;
  if (!name.empty()) {
    ErofsNode* parent = walk(split.parent);
    if (parent == nullptr) return;
    const auto found = parent->children.find(split.leaf);
    if (found == parent->children.end()) return;
    node = found->second;
  }
  if (S_ISDIR(node->mode)) node->modified = times.modified;
}

bool ErofsTree::white_out(const std::string& name, const std::string&) {
  if (look_up(name) != PlaceKind::nothing) remove(name);
  add(name, S_IFCHR);
  return true;
}

void ErofsTree::hide_below(const std::string& name, const std::function<bool(const std::string&)>&) {
  directory(name);  // made when the marker comes before its directory
  set_attribute(child(name), opaque_, "y");
}

}  // namespace tsc
