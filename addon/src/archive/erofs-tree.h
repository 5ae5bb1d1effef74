// ErofsTree: a layer's tree in memory, its files' data already in the image; `finish` writes the rest and makes it mountable.
// Whiteouts and opaque directories are as overlayfs has them.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "archive/image-file.h"
#include "archive/layer-tree.h"

namespace tsc {

struct ErofsNode {
  std::uint32_t mode = 0;
  EntryOwner owner;
  std::uint32_t device = 0;
  std::uint64_t size = 0;
  std::uint32_t block = 0;  // where data begins that has blocks of its own
  timespec modified = {};
  std::string link;  // target of a symbolic link
  std::vector<std::pair<std::string, std::string>> attributes;
  std::map<std::string, ErofsNode*> children;
  ErofsNode* parent = nullptr;  // of a directory; the root's is itself

  // what `finish` finds out
  std::uint32_t links = 0;
  std::uint64_t nid = 0;
  bool is_inline = false;
};

class ErofsTree : public LayerTree {
 public:
  /// `opaque`: the attribute that hides what is below a directory.
  ErofsTree(const std::string& image, const char* opaque);

  PlaceKind look_up(const std::string& name) override;
  void remove(const std::string& name) override;
  void create(const std::string& name, archive_entry* entry, TarReader& data) override;
  void make_directory(const std::string& name) override;
  void adorn_directory(const std::string& name, archive_entry* entry) override;
  void link(const std::string& name, const std::string& target) override;
  void set_directory_times(const std::string& name, const EntryTimes& times) override;
  bool white_out(const std::string& name, const std::string& marker) override;
  void hide_below(const std::string& name, const std::function<bool(const std::string&)>& own) override;

  /// The last call: the image stays. Answers, for directories that were made without being named (see LayerTree), each
  /// `name NUL offset-of-its-inode NUL`.
  std::string finish(const std::function<bool(const std::string&)>& is_named, bool sync);

 private:
  ErofsNode* walk(const std::string& path);
  ErofsNode* directory(const std::string& path);
  ErofsNode* child(const std::string& name);
  ErofsNode* add(const std::string& name, std::uint32_t mode);
  void account(std::size_t bytes, const std::string& name);
  void write_data(ErofsNode* node, const std::string& name, archive_entry* entry, TarReader& data);
  void set_attribute(ErofsNode* node, const std::string& key, std::string value);
  void adorn(ErofsNode* node, const std::string& name, archive_entry* entry);

  std::string image_;
  const char* opaque_;
  ImageFile file_;
  std::uint64_t next_block_ = 1;  // the first is the superblock's
  std::uint64_t memory_ = 0;
  timespec now_ = {};
  std::deque<ErofsNode> nodes_;
  ErofsNode* root_;
  std::pair<std::string, ErofsNode*> last_;  // the directory that was asked for last: entries come directory by directory
  std::vector<std::pair<std::string, ErofsNode*>> implied_;
};

/// Owner and mode of directories in a finished image, from their counterparts in `parents`. `implied`: what finish said.
void take_after_parents_in_image(const std::string& image, const std::vector<std::string>& parents,
                                 std::string_view implied);

}  // namespace tsc
