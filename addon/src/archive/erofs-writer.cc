// The second half of ErofsTree: places inodes and directories behind the data, and writes them.
//
// An inode's number is its distance from the first block of metadata, so numbers are known before the directories that
// hold them are written. What follows an inode in its block (a link's target, a small directory) must not cross into the
// next block; an inode itself does not either.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <string_view>

#include "archive/bad-archive.h"
#include "archive/erofs-format.h"
#include "archive/erofs-tree.h"
#include "archive/lower-layers.h"

namespace tsc {
namespace {

/// Small enough not to waste much of a block where it does not fit any more.
constexpr std::uint64_t kMaxInline = 1024;

std::uint64_t aligned(std::uint64_t value, std::uint64_t unit) { return (value + unit - 1) / unit * unit; }

struct Prefix {
  std::string_view text;
  std::uint8_t index;
};
constexpr Prefix kPrefixes[] = {{"system.posix_acl_access", 2}, {"system.posix_acl_default", 3}, {"user.", 1},
                                {"trusted.", 4}, {"security.", 6}};

/// The attributes behind an inode; what has no place in EROFS is left out, as by a file system without attributes.
std::string encoded_attributes(const ErofsNode& node) {
  std::string body;
  for (const auto& [name, value] : node.attributes) {
    for (const Prefix& prefix : kPrefixes) {
      const bool is_namespace = prefix.text.ends_with('.');
      if (is_namespace ? !name.starts_with(prefix.text) : name != prefix.text) continue;
      const std::string_view rest = std::string_view(name).substr(prefix.text.size());
      ErofsXattrEntry entry;
      entry.name_length = static_cast<std::uint8_t>(rest.size());
      entry.name_index = prefix.index;
      entry.value_size = static_cast<std::uint16_t>(value.size());
      body.append(reinterpret_cast<const char*>(&entry), sizeof entry).append(rest).append(value);
      body.resize(aligned(body.size(), 4));
      break;
    }
  }
  if (body.empty()) return body;
  const ErofsXattrHeader header;
  return std::string(reinterpret_cast<const char*>(&header), sizeof header) + body;
}

std::uint8_t entry_type(std::uint32_t mode) {
  switch (mode & S_IFMT) {
    case S_IFREG: return 1;
    case S_IFDIR: return 2;
    case S_IFCHR: return 3;
    case S_IFBLK: return 4;
    case S_IFIFO: return 5;
    default: return 7;
  }
}

/// One block of a directory: its entries, then their names.
class DirectoryBlock {
 public:
  bool fits(std::string_view name) const {
    return entries_.size() + sizeof(ErofsEntry) + names_.size() + name.size() <= kErofsBlock;
  }
  void add(std::string_view name, const ErofsNode& node) {
    ErofsEntry entry;
    entry.nid = node.nid;
    entry.name_offset = static_cast<std::uint16_t>(names_.size());
    entry.type = entry_type(node.mode);
    entries_.append(reinterpret_cast<const char*>(&entry), sizeof entry);
    names_.append(name);
  }
  void append_to(std::string& content) {
    for (std::size_t at = 0; at < entries_.size(); at += sizeof(ErofsEntry)) {
      auto* entry = reinterpret_cast<ErofsEntry*>(entries_.data() + at);
      entry->name_offset = static_cast<std::uint16_t>(entry->name_offset + entries_.size());
    }
    content.append(entries_).append(names_);
    entries_.clear();
    names_.clear();
  }

 private:
  std::string entries_;
  std::string names_;
};

/// `.` and `..` stand among the others, in byte order.
std::string encoded_directory(const ErofsNode& node) {
  std::string content;
  DirectoryBlock block;
  const auto add = [&](std::string_view name, const ErofsNode& child) {
    if (!block.fits(name)) {
      block.append_to(content);
      content.resize(aligned(content.size(), kErofsBlock));
    }
    block.add(name, child);
  };
  bool has_dot = false, has_dots = false;
  for (const auto& [name, child] : node.children) {
    if (!has_dot && std::string_view(".") < name) add(".", node), has_dot = true;
    if (!has_dots && std::string_view("..") < name) add("..", *node.parent), has_dots = true;
    add(name, *child);
  }
  if (!has_dot) add(".", node);
  if (!has_dots) add("..", *node.parent);
  block.append_to(content);
  return content;
}

/// What follows the inode, or has blocks of its own when it is large; files' data is in its place already.
std::string content_of(const ErofsNode& node) {
  if (S_ISDIR(node.mode)) return encoded_directory(node);
  return S_ISLNK(node.mode) ? node.link : "";
}

/// Every node that can be reached, the root first, with its links counted.
std::vector<ErofsNode*> reachable(ErofsNode* root) {
  std::vector<ErofsNode*> order{root};
  root->links = 2;
  for (std::size_t at = 0; at < order.size(); ++at) {
    ErofsNode* node = order[at];
    for (const auto& [name, child] : node->children) {
      const bool is_directory = S_ISDIR(child->mode);
      if (is_directory) ++node->links;
      if (child->links == 0) order.push_back(child);
      child->links += is_directory ? 2 : 1;
    }
  }
  return order;
}

/// Where an inode with its attributes and its inline content goes, at or behind `at`.
std::uint64_t placed(std::uint64_t at, std::uint64_t head, std::uint64_t tail) {
  for (at = aligned(at, kErofsSlot);; at += kErofsSlot) {
    const bool core_fits = at % kErofsBlock + sizeof(ErofsInode) <= kErofsBlock;
    if (core_fits && (at + head) % kErofsBlock + tail <= kErofsBlock) return at;
  }
}

ErofsInode encoded_inode(const ErofsNode& node, std::size_t attributes, std::uint32_t ino) {
  ErofsInode inode;
  inode.format = erofs_inode_format(node.is_inline ? ErofsLayout::inline_tail : ErofsLayout::plain);
  if (attributes != 0) {
    inode.xattr_count = static_cast<std::uint16_t>((attributes - sizeof(ErofsXattrHeader)) / 4 + 1);
  }
  inode.mode = static_cast<std::uint16_t>(node.mode);
  inode.size = node.size;
  inode.block_or_device = S_ISCHR(node.mode) || S_ISBLK(node.mode) ? node.device : node.block;
  inode.ino = ino;
  inode.uid = node.owner.uid;
  inode.gid = node.owner.gid;
  inode.mtime = static_cast<std::uint64_t>(node.modified.tv_sec);
  inode.mtime_nsec = static_cast<std::uint32_t>(node.modified.tv_nsec);
  inode.links = node.links;
  return inode;
}

}  // namespace

std::string ErofsTree::finish(const std::function<bool(const std::string&)>& is_named, bool sync) {
  const std::vector<ErofsNode*> order = reachable(root_);
  std::uint64_t at = sizeof(ErofsInode);  // number 0 stays free: readers take it for no entry
  for (ErofsNode* node : order) {
    const std::uint64_t content = content_of(*node).size();
    if (S_ISDIR(node->mode)) node->size = content;
    node->is_inline = content != 0 && content <= kMaxInline;
    if (content != 0 && !node->is_inline) {
      node->block = static_cast<std::uint32_t>(next_block_);
      next_block_ += (content + kErofsBlock - 1) / kErofsBlock;
    }
    const std::uint64_t head = sizeof(ErofsInode) + encoded_attributes(*node).size();
    const std::uint64_t tail = node->is_inline ? content : 0;
    at = placed(at, head, tail);
    node->nid = at / kErofsSlot;
    at += head + tail;
  }
  const std::uint64_t meta = next_block_ * kErofsBlock;
  at += sizeof(ErofsXattrHeader);  // erofs-utils 1.5 looks for one behind every inode, the last too
  const std::uint64_t blocks = next_block_ + (at + kErofsBlock - 1) / kErofsBlock;
  if (blocks > UINT32_MAX || root_->nid > UINT16_MAX) throw_errno(EFBIG, "make image", "", image_);
  for (const ErofsNode* node : order) {
    if (node->is_inline || node->block == 0 || S_ISREG(node->mode)) continue;
    const std::string content = content_of(*node);
    file_.write(std::uint64_t{node->block} * kErofsBlock, content.data(), content.size());
  }
  std::uint32_t ino = 0;
  for (const ErofsNode* node : order) {
    std::string bytes = encoded_attributes(*node);
    const ErofsInode inode = encoded_inode(*node, bytes.size(), ++ino);
    bytes.insert(0, reinterpret_cast<const char*>(&inode), sizeof inode);
    if (node->is_inline) bytes += content_of(*node);
    file_.write(meta + node->nid * kErofsSlot, bytes.data(), bytes.size());
  }
  ErofsSuper super;
  super.root_nid = static_cast<std::uint16_t>(root_->nid);
  super.inodes = order.size();
  super.build_time = static_cast<std::uint64_t>(now_.tv_sec);
  super.build_time_nsec = static_cast<std::uint32_t>(now_.tv_nsec);
  super.blocks = static_cast<std::uint32_t>(blocks);
  super.meta_block = static_cast<std::uint32_t>(next_block_);
  file_.patch(kErofsSuperOffset, &super, sizeof super);
  file_.keep(blocks * kErofsBlock, sync);

  std::string implied;
  for (const auto& [name, node] : implied_) {
    if (node->links == 0 || is_named(name)) continue;
    implied.append(name).push_back('\0');
    implied.append(std::to_string(meta + node->nid * kErofsSlot)).push_back('\0');
  }
  return implied;
}

void take_after_parents_in_image(const std::string& image, const std::vector<std::string>& parents,
                                 std::string_view implied) {
  const LowerLayers lower(parents);
  const UniqueFd fd(::open(image.c_str(), O_RDWR | O_NOFOLLOW | O_CLOEXEC));
  if (!fd) throw_errno("open image", "open", image);
  while (!implied.empty()) {
    const std::size_t name_end = implied.find('\0');
    const std::string name(implied.substr(0, name_end));
    implied.remove_prefix(name_end + 1);
    const std::size_t offset_end = implied.find('\0');
    const auto offset = static_cast<off_t>(std::stoull(std::string(implied.substr(0, offset_end))));
    implied.remove_prefix(offset_end + 1);
    struct stat facts = {};
    if (!lower.find_directory(name, facts)) continue;
    ErofsInode inode;
    if (pread(fd.get(), &inode, sizeof inode, offset) != sizeof inode) throw_errno("read image", "pread", image);
    inode.mode = static_cast<std::uint16_t>(S_IFDIR | (facts.st_mode & 07777));
    inode.uid = facts.st_uid;
    inode.gid = facts.st_gid;
    if (pwrite(fd.get(), &inode, sizeof inode, offset) != sizeof inode) throw_errno("write image", "pwrite", image);
  }
}

}  // namespace tsc
