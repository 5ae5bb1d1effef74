// Mount option words: see the header.
#include "linux/mount-options.h"

#include <sys/mount.h>

#include <algorithm>
#include <string_view>

namespace tsc {
namespace {

struct Word {
  std::string_view name;
  std::uint64_t set;
  std::uint64_t clear;
};

constexpr std::uint64_t kNoSymlinkFollow = 0x00200000;  // MOUNT_ATTR_NOSYMFOLLOW, kernel 5.14

constexpr Word kAttributes[] = {
    {"ro", MOUNT_ATTR_RDONLY, 0},
    {"rw", 0, MOUNT_ATTR_RDONLY},
    {"nosuid", MOUNT_ATTR_NOSUID, 0},
    {"suid", 0, MOUNT_ATTR_NOSUID},
    {"nodev", MOUNT_ATTR_NODEV, 0},
    {"dev", 0, MOUNT_ATTR_NODEV},
    {"noexec", MOUNT_ATTR_NOEXEC, 0},
    {"exec", 0, MOUNT_ATTR_NOEXEC},
    {"nodiratime", MOUNT_ATTR_NODIRATIME, 0},
    {"diratime", 0, MOUNT_ATTR_NODIRATIME},
    {"noatime", MOUNT_ATTR_NOATIME, MOUNT_ATTR__ATIME},
    {"atime", 0, MOUNT_ATTR__ATIME},
    {"relatime", 0, MOUNT_ATTR__ATIME},
    {"norelatime", MOUNT_ATTR_STRICTATIME, MOUNT_ATTR__ATIME},
    {"strictatime", MOUNT_ATTR_STRICTATIME, MOUNT_ATTR__ATIME},
    {"nostrictatime", 0, MOUNT_ATTR__ATIME},
    {"nosymfollow", kNoSymlinkFollow, 0},
    {"symfollow", 0, kNoSymlinkFollow},
};

/// Words of mount(2) that the mount API does not know.
constexpr Word kClassic[] = {
    {"iversion", MS_I_VERSION, 0}, {"noiversion", 0, MS_I_VERSION}, {"acl", MS_POSIXACL, 0},
    {"noacl", 0, MS_POSIXACL},     {"silent", MS_SILENT, 0},        {"loud", 0, MS_SILENT},
};

/// Words of the superblock that fsconfig takes for every file system; a bind has its source's superblock.
constexpr std::string_view kSuperblock[] = {"sync", "async", "dirsync", "lazytime", "nolazytime", "mand", "nomand"};

/// Words that mean nothing to the kernel.
constexpr std::string_view kIgnored[] = {"defaults", "_netdev", "auto", "noauto", "nofail", "user", "nouser"};

template <size_t N>
const Word* find_word(const Word (&words)[N], std::string_view name) {
  for (const Word& word : words) {
    if (word.name == name) return &word;
  }
  return nullptr;
}

const Word* find_attribute(std::string_view name) { return find_word(kAttributes, name); }

template <size_t N>
bool is_one_of(const std::string_view (&words)[N], std::string_view name) {
  for (std::string_view word : words) {
    if (word == name) return true;
  }
  return false;
}

void apply(std::uint64_t& set, std::uint64_t& clear, const Word& word) {
  set = (set & ~word.clear) | word.set;
  clear = (clear & ~word.set) | word.clear;
}

void add_data(MountOptions& result, const std::string& option) {
  const size_t equals = option.find('=');
  if (equals == std::string::npos) {
    result.data.push_back({option, {false, ""}});
  } else {
    result.data.push_back({option.substr(0, equals), {true, option.substr(equals + 1)}});
  }
}

}  // namespace

std::uint64_t parse_propagation(const std::string& word, bool& is_recursive) noexcept {
  std::string_view name = word;
  is_recursive = name.size() > 1 && name[0] == 'r';
  if (is_recursive) name.remove_prefix(1);
  if (name == "shared") return MS_SHARED;
  if (name == "slave") return MS_SLAVE;
  if (name == "private") return MS_PRIVATE;
  if (name == "unbindable") return MS_UNBINDABLE;
  return 0;
}

MountOptions parse_mount_options(const std::vector<std::string>& options) {
  MountOptions result;
  for (const std::string& option : options) {
    bool is_recursive = false;
    if (option == "bind" || option == "rbind") {
      result.is_bind = true;
      result.is_recursive_bind = result.is_recursive_bind || option == "rbind";
    } else if (option == "tmpcopyup") {
      result.copies_up = true;
    } else if (option == "remount") {
      result.is_remount = true;
    } else if (option == "idmap" || option == "ridmap") {
      result.is_idmapped = true;
      result.is_idmap_recursive = option == "ridmap";
    } else if (const Word* classic = find_word(kClassic, option)) {
      result.classic = (result.classic & ~classic->clear) | classic->set;
    } else if (const std::uint64_t propagation = parse_propagation(option, is_recursive)) {
      result.propagation = propagation;
      result.is_propagation_recursive = is_recursive;
    } else if (const Word* word = find_attribute(option)) {
      apply(result.set, result.clear, *word);
    } else if (option.size() > 1 && option[0] == 'r' && find_attribute(option.substr(1)) != nullptr) {
      apply(result.recursive_set, result.recursive_clear, *find_attribute(option.substr(1)));
    } else if (!is_one_of(kIgnored, option) && !option.empty()) {
      add_data(result, option);
    }
  }
  if (!result.is_bind) return result;
  const auto is_superblock = [](const auto& option) { return is_one_of(kSuperblock, option.first); };
  std::erase_if(result.data, is_superblock);
  result.classic = 0;
  return result;
}

std::vector<std::string> known_mount_options() {
  std::vector<std::string> words = {"bind", "rbind", "tmpcopyup", "remount", "idmap", "ridmap"};
  for (const Word& word : kAttributes) {
    words.emplace_back(word.name);
    words.push_back("r" + std::string(word.name));
  }
  for (const char* word : {"shared", "slave", "private", "unbindable"}) {
    words.emplace_back(word);
    words.push_back("r" + std::string(word));
  }
  for (const Word& word : kClassic) words.emplace_back(word.name);
  for (std::string_view word : kSuperblock) words.emplace_back(word);
  words.emplace_back("defaults");
  std::sort(words.begin(), words.end());
  return words;
}

}  // namespace tsc
