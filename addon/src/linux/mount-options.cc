// Mount option words: see the header.
#include "linux/mount-options.h"

#include <sys/mount.h>

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

/// Words that mean nothing to the mount API, or only what is so anyway.
constexpr std::string_view kIgnored[] = {"defaults", "async", "remount", "loud",   "noiversion",
                                         "_netdev",  "auto",  "noauto",  "nomand", "nolazytime"};

const Word* find_attribute(std::string_view name) {
  for (const Word& word : kAttributes) {
    if (word.name == name) return &word;
  }
  return nullptr;
}

bool is_ignored(std::string_view name) {
  for (std::string_view word : kIgnored) {
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
    } else if (const std::uint64_t propagation = parse_propagation(option, is_recursive)) {
      result.propagation = propagation;
      result.is_propagation_recursive = is_recursive;
    } else if (const Word* word = find_attribute(option)) {
      apply(result.set, result.clear, *word);
    } else if (option.size() > 1 && option[0] == 'r' && find_attribute(option.substr(1)) != nullptr) {
      apply(result.recursive_set, result.recursive_clear, *find_attribute(option.substr(1)));
    } else if (!is_ignored(option) && !option.empty()) {
      add_data(result, option);
    }
  }
  return result;
}

}  // namespace tsc
