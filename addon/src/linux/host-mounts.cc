// mount(2), and the mount API (fsopen) where overlay's layers do not fit into mount(2)'s page of options.
#include "linux/host-mounts.h"

#include <fcntl.h>
#include <linux/mount.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <sstream>

#include "linux/error.h"
#include "linux/file.h"
#include "linux/loop-device.h"

namespace tsc {
namespace {

constexpr std::size_t kMountDataBytes = 4000;  // mount(2) takes one page, its end included
constexpr int kStackedMounts = 1000;           // at one place; more is a loop

struct OptionWord {
  const char* word;
  unsigned long flag;
  bool isSet;
};

const OptionWord kOptionWords[] = {
    {"ro", MS_RDONLY, true},           {"rw", MS_RDONLY, false},        {"nosuid", MS_NOSUID, true},
    {"suid", MS_NOSUID, false},        {"nodev", MS_NODEV, true},       {"dev", MS_NODEV, false},
    {"noexec", MS_NOEXEC, true},       {"exec", MS_NOEXEC, false},      {"sync", MS_SYNCHRONOUS, true},
    {"async", MS_SYNCHRONOUS, false},  {"dirsync", MS_DIRSYNC, true},   {"remount", MS_REMOUNT, true},
    {"mand", MS_MANDLOCK, true},       {"nomand", MS_MANDLOCK, false},  {"noatime", MS_NOATIME, true},
    {"atime", MS_NOATIME, false},      {"nodiratime", MS_NODIRATIME, true}, {"diratime", MS_NODIRATIME, false},
    {"relatime", MS_RELATIME, true},   {"norelatime", MS_RELATIME, false},  {"strictatime", MS_STRICTATIME, true},
    {"bind", MS_BIND, true},           {"rbind", MS_BIND | MS_REC, true},   {"defaults", 0, true},
};

const OptionWord kPropagationWords[] = {
    {"shared", MS_SHARED, true},   {"rshared", MS_SHARED | MS_REC, true},
    {"slave", MS_SLAVE, true},     {"rslave", MS_SLAVE | MS_REC, true},
    {"private", MS_PRIVATE, true}, {"rprivate", MS_PRIVATE | MS_REC, true},
    {"unbindable", MS_UNBINDABLE, true}, {"runbindable", MS_UNBINDABLE | MS_REC, true},
};

struct ParsedOptions {
  unsigned long flags = 0;
  unsigned long propagation = MS_PRIVATE;
  bool is_loop = false;
  std::vector<std::string> data;
};

ParsedOptions parse_options(const std::vector<std::string>& options) {
  ParsedOptions parsed;
  for (const std::string& option : options) {
    const auto named = [&](const OptionWord& known) { return option == known.word; };
    if (const auto* flag = std::find_if(std::begin(kOptionWords), std::end(kOptionWords), named);
        flag != std::end(kOptionWords)) {
      parsed.flags = flag->isSet ? parsed.flags | flag->flag : parsed.flags & ~flag->flag;
    } else if (const auto* kind = std::find_if(std::begin(kPropagationWords), std::end(kPropagationWords), named);
               kind != std::end(kPropagationWords)) {
      parsed.propagation = kind->flag;
    } else if (option == "loop") {
      parsed.is_loop = true;
    } else if (!option.empty()) {
      parsed.data.push_back(option);
    }
  }
  return parsed;
}

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : ",") + word;
  return text;
}

void configure(int context, unsigned command, const char* key, const char* value, const std::string& step) {
  if (syscall(SYS_fsconfig, context, command, key, value, 0) != 0) throw_errno(step, "fsconfig", value ? value : "");
}

/// One by one: a string of fsconfig holds 255 bytes, `lowerdir+` (Linux 6.8) adds one layer each time.
void configure_layers(int context, const std::string& layers, const std::string& step) {
  std::istringstream split(layers);
  bool first = true;
  for (std::string layer; std::getline(split, layer, ':'); first = false) {
    if (syscall(SYS_fsconfig, context, FSCONFIG_SET_STRING, "lowerdir+", layer.c_str(), 0) == 0) continue;
    if (first && errno == EINVAL) return configure(context, FSCONFIG_SET_STRING, "lowerdir", layers.c_str(), step);
    throw_errno(step, "fsconfig", layer);
  }
}

void configure_option(int context, const std::string& option, const std::string& step) {
  const std::size_t equals = option.find('=');
  if (equals == std::string::npos) return configure(context, FSCONFIG_SET_FLAG, option.c_str(), nullptr, step);
  const std::string key = option.substr(0, equals);
  const std::string value = option.substr(equals + 1);
  if (key != "lowerdir") return configure(context, FSCONFIG_SET_STRING, key.c_str(), value.c_str(), step);
  configure_layers(context, value, step);
}

unsigned mount_attributes(unsigned long flags) {
  unsigned attributes = 0;
  if (flags & MS_RDONLY) attributes |= MOUNT_ATTR_RDONLY;
  if (flags & MS_NOSUID) attributes |= MOUNT_ATTR_NOSUID;
  if (flags & MS_NODEV) attributes |= MOUNT_ATTR_NODEV;
  if (flags & MS_NOEXEC) attributes |= MOUNT_ATTR_NOEXEC;
  return attributes;
}

UniqueFd detach_bind(const HostMount& mount, const ParsedOptions& parsed) {
  const unsigned recursive = parsed.flags & MS_REC ? AT_RECURSIVE : 0;
  UniqueFd tree(static_cast<int>(
      syscall(SYS_open_tree, AT_FDCWD, mount.source.c_str(), OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | recursive)));
  if (!tree) throw_errno("mount " + mount.type, "open_tree", mount.source);
  return tree;
}

UniqueFd detach_filesystem(const HostMount& mount, const ParsedOptions& parsed) {
  const std::string step = "mount " + mount.type;
  const UniqueFd context(static_cast<int>(syscall(SYS_fsopen, mount.type.c_str(), FSOPEN_CLOEXEC)));
  if (!context) throw_errno(step, "fsopen", mount.source);
  configure(context.get(), FSCONFIG_SET_STRING, "source", mount.source.c_str(), step);
  for (const std::string& option : parsed.data) configure_option(context.get(), option, step);
  configure(context.get(), FSCONFIG_CMD_CREATE, nullptr, nullptr, step);
  UniqueFd tree(static_cast<int>(
      syscall(SYS_fsmount, context.get(), FSMOUNT_CLOEXEC, mount_attributes(parsed.flags))));
  if (!tree) throw_errno(step, "fsmount", mount.source);
  return tree;
}

void mount_by_context(const HostMount& mount, const ParsedOptions& parsed, const std::string& target) {
  const UniqueFd tree = detach_filesystem(mount, parsed);
  if (syscall(SYS_move_mount, tree.get(), "", AT_FDCWD, target.c_str(), MOVE_MOUNT_F_EMPTY_PATH) != 0) {
    throw_errno("mount " + mount.type, "move_mount", target);
  }
}

void mount_by_flags(const HostMount& mount, const ParsedOptions& parsed, const std::string& data,
                    const std::string& target) {
  const bool bind = (parsed.flags & MS_BIND) != 0;
  const unsigned long flags = bind ? parsed.flags & (MS_BIND | MS_REC) : parsed.flags;
  if (::mount(mount.source.c_str(), target.c_str(), mount.type.c_str(), flags, data.c_str()) != 0) {
    throw_errno("mount " + mount.type, "mount", target);
  }
  // A bind mount takes over the flags of its source; its own need a second call.
  const unsigned long own = parsed.flags & ~(MS_BIND | MS_REC | MS_REMOUNT);
  if (!bind || own == 0) return;
  if (::mount(nullptr, target.c_str(), nullptr, MS_REMOUNT | MS_BIND | own, nullptr) != 0) {
    const int error = errno;
    umount2(target.c_str(), MNT_DETACH);
    throw_errno(error, "remount " + mount.source, "mount", target);
  }
}

/// An image in a file: the kernel may take the file as it is, else by way of a loop device, as `loop` demands at once.
void mount_image(const HostMount& mount, const ParsedOptions& parsed, const std::string& data,
                 const std::string& target) {
  if (!parsed.is_loop) {
    if (::mount(mount.source.c_str(), target.c_str(), mount.type.c_str(), parsed.flags, data.c_str()) == 0) return;
    if (errno != ENOTBLK) throw_errno("mount " + mount.type, "mount", target);
  }
  const LoopDevice device(mount.source);
  mount_by_flags({mount.type, device.path(), {}}, parsed, data, target);
}

void mount_one(const HostMount& mount, const std::string& target) {
  const ParsedOptions parsed = parse_options(mount.options);
  const std::string data = joined(parsed.data);
  const bool is_image = parsed.is_loop || mount.type == "erofs";
  if (is_image) {
    mount_image(mount, parsed, data, target);
  } else if (data.size() > kMountDataBytes) {
    mount_by_context(mount, parsed, target);
  } else {
    mount_by_flags(mount, parsed, data, target);
  }
  if (::mount(nullptr, target.c_str(), nullptr, parsed.propagation, nullptr) != 0) {
    const int error = errno;
    umount2(target.c_str(), MNT_DETACH);
    throw_errno(error, "set propagation", "mount", target);
  }
}

/// mountinfo writes space, tab, newline and backslash as three octal digits.
std::string unescaped(const std::string& field) {
  std::string text;
  for (std::size_t i = 0; i < field.size(); ++i) {
    if (field[i] == '\\' && i + 3 < field.size()) {
      text += static_cast<char>(std::stoi(field.substr(i + 1, 3), nullptr, 8));
      i += 3;
    } else {
      text += field[i];
    }
  }
  return text;
}

bool is_below(const std::string& path, const std::string& root) {
  if (root == "/" || path == root) return true;
  return path.size() > root.size() && path.starts_with(root) && path[root.size()] == '/';
}

}  // namespace

UniqueFd mount_detached(const HostMount& mount) {
  const ParsedOptions parsed = parse_options(mount.options);
  return parsed.flags & MS_BIND ? detach_bind(mount, parsed) : detach_filesystem(mount, parsed);
}

void mount_all(const std::vector<HostMount>& mounts, const std::string& target) {
  std::size_t done = 0;
  try {
    for (; done < mounts.size(); ++done) mount_one(mounts[done], target);
  } catch (const RuntimeError& error) {
    for (; done > 0; --done) umount2(target.c_str(), MNT_DETACH | UMOUNT_NOFOLLOW);
    throw error.within("mount on " + target);
  }
}

void unmount_all(const std::string& target) {
  for (int i = 0; i < kStackedMounts; ++i) {
    if (umount2(target.c_str(), MNT_DETACH | UMOUNT_NOFOLLOW) == 0) continue;
    // EINVAL: not a mount point; ENOENT, ENOTDIR: not even a path.
    if (errno == EINVAL || errno == ENOENT || errno == ENOTDIR) return;
    throw_errno("unmount", "umount2", target);
  }
  throw_errno(ELOOP, "unmount", "umount2", target);
}

std::vector<std::string> list_mounts_below(const std::string& path) {
  std::string root = path;
  while (root.size() > 1 && root.back() == '/') root.pop_back();
  std::istringstream file(read_file("list mounts", "/proc/self/mountinfo"));
  std::vector<std::string> points;
  for (std::string line; std::getline(file, line);) {
    std::istringstream fields(line);
    std::string field;
    for (int i = 0; i < 5 && fields >> field; ++i) {
    }
    const std::string point = unescaped(field);
    if (is_below(point, root)) points.push_back(point);
  }
  return points;
}

std::vector<std::string> unmount_below(const std::string& path) {
  std::vector<std::string> points = list_mounts_below(path);
  std::reverse(points.begin(), points.end());
  for (const std::string& point : points) {
    if (umount2(point.c_str(), MNT_DETACH | UMOUNT_NOFOLLOW) != 0 && errno != EINVAL && errno != ENOENT) {
      throw_errno("unmount", "umount2", point);
    }
  }
  return points;
}

}  // namespace tsc
