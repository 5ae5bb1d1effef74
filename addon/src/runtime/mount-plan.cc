// The root filesystem, mounts and devices of a plan.
#include <linux/magic.h>
#include <linux/sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>

#include "linux/error.h"
#include "linux/file.h"
#include "linux/mount-options.h"
#include "linux/user-namespace.h"
#include "runtime/container-plan.h"

namespace tsc {
namespace {

constexpr size_t kMaxFsconfigValue = 255;  // fsconfig(2) takes strings of at most 256 bytes

/// "/a//b/./c/" -> "/a/b/c". ".." is left: openat2 walks it inside the root.
std::string clean_path(const std::string& path) {
  std::string result;
  size_t begin = 0;
  while (begin < path.size()) {
    size_t end = path.find('/', begin);
    if (end == std::string::npos) end = path.size();
    const std::string part = path.substr(begin, end - begin);
    if (!part.empty() && part != ".") result += "/" + part;
    begin = end + 1;
  }
  return result.empty() ? "/" : result;
}

/// Kernels from 6.8 on take overlay layers one by one.
bool takes_layers_singly() {
  static const bool result = [] {
    utsname name;
    int major = 0, minor = 0;
    return uname(&name) == 0 && sscanf(name.release, "%d.%d", &major, &minor) == 2 &&
           (major > 6 || (major == 6 && minor >= 8));
  }();
  return result;
}

void set_attributes(child::Mount& mount, const MountOptions& options) {
  mount.attributes_set = options.set;
  mount.attributes_clear = options.clear;
  mount.recursive_set = options.recursive_set;
  mount.recursive_clear = options.recursive_clear;
  mount.propagation = options.propagation;
  mount.is_propagation_recursive = options.is_propagation_recursive;
}

using Options = std::vector<std::pair<std::string, std::pair<bool, std::string>>>;

void set_options(PlanArena& arena, child::Mount& mount, const Options& options) {
  arena.resize(mount.options, options.size());
  for (size_t index = 0; index < options.size(); ++index) {
    arena.set(mount.options[index].key, options[index].first);
    if (options[index].second.first) arena.set(mount.options[index].value, options[index].second.second);
  }
}

std::string legacy_text(const Options& options) {
  std::string text;
  for (const auto& [key, value] : options) {
    if (!text.empty()) text += ",";
    text += key + (value.first ? "=" + value.second : "");
  }
  return text;
}

/// "lowerdir=a:b" as two "lowerdir+", each short enough for fsconfig however long the whole is.
Options split_layers(const Options& options) {
  Options result;
  for (const auto& option : options) {
    const std::string& value = option.second.second;
    if (option.first != "lowerdir" || value.find('\\') != std::string::npos || value.find("::") != std::string::npos) {
      result.push_back(option);
      continue;
    }
    size_t begin = 0;
    while (begin <= value.size()) {
      size_t end = value.find(':', begin);
      if (end == std::string::npos) end = value.size();
      result.push_back({"lowerdir+", {true, value.substr(begin, end - begin)}});
      begin = end + 1;
    }
  }
  return result;
}

bool fits_fsconfig(const Options& options) {
  for (const auto& option : options) {
    if (option.second.second.size() > kMaxFsconfigValue) return false;
  }
  return true;
}

void plan_rootfs_mount(PlanArena& arena, child::Mount& mount, const RootfsMount& wanted) {
  const MountOptions options = parse_mount_options(wanted.options);
  set_attributes(mount, options);
  arena.set(mount.source, wanted.source);
  if (options.is_bind || wanted.type == "bind") {
    mount.kind = child::MountKind::bind;
    mount.is_recursive_bind = options.is_recursive_bind;
    return;
  }
  mount.kind = child::MountKind::prepared;
  arena.set(mount.type, wanted.type);
  const bool is_split = wanted.type == "overlay" && takes_layers_singly();
  const Options data = is_split ? split_layers(options.data) : options.data;
  // An empty list of types makes fsopen fail, and the child takes mount(2) with the text.
  if (wanted.type == "overlay") arena.set(mount.legacy_data, legacy_text(options.data));
  if (!fits_fsconfig(data) && wanted.type == "overlay") return;
  set_options(arena, mount, data);
}

bool is_on_procfs(const std::string& path) {
  struct statfs found;
  return statfs(path.c_str(), &found) == 0 && found.f_type == PROC_SUPER_MAGIC;
}

/// Nothing but procfs on /proc, and inside it only the files that tools such as lxcfs replace (CVE-2019-16884).
void check_proc_target(const oci::Mount& mount, const std::string& target, bool is_bind) {
  static const char* const kAllowed[] = {"/proc/cpuinfo",
                                         "/proc/diskstats",
                                         "/proc/meminfo",
                                         "/proc/stat",
                                         "/proc/swaps",
                                         "/proc/uptime",
                                         "/proc/loadavg",
                                         "/proc/slabinfo",
                                         "/proc/sys/kernel/ns_last_pid",
                                         "/proc/sys/crypto/fips_enabled"};
  const bool is_proc = target == "/proc";
  if (!is_proc && target.rfind("/proc/", 0) != 0) return;
  if (is_proc && (is_bind ? is_on_procfs(mount.source) : mount.type == "proc")) return;
  for (const char* allowed : kAllowed) {
    if (target == allowed) return;
  }
  if (is_bind && is_on_procfs(mount.source) && !is_proc) return;
  throw_invalid("parse config", "mounts: " + target + " lies in /proc, where only procfs may be");
}

/// Turns read-only, when it is to be so, only after the groups have been bound below it.
constexpr const char* kTmpfsOfGroups = "tmpfs of cgroups";

struct MountPlanner {
  PlanArena& arena;
  const oci::Config& config;
  const std::string& bundle;
  const CgroupLocation& location;
  std::vector<oci::Mount> mounts = {};

  bool has_new(std::uint64_t type) const { return (arena.plan().clone_flags & type) != 0; }

  /// Where a container without groups of its own is: in those of its creator.
  static std::map<std::string, std::string> own_groups() {
    const CgroupSystem& system = cgroup_system();
    std::map<std::string, std::string> groups;
    if (system.is_unified) groups[""] = system.unified_mount_point + system.unified_own_path;
    for (const CgroupHierarchy& hierarchy : system.hierarchies)
      groups[hierarchy.name] = hierarchy.mount_point + hierarchy.own_path;
    return groups;
  }

  /// The `cgroup` type, turned into what this machine and the namespaces want.
  void add_cgroup(const oci::Mount& mount) {
    const bool has_namespace = config.linux_.has_namespace(CLONE_NEWCGROUP);
    const std::map<std::string, std::string> groups = location.paths.empty() ? own_groups() : location.paths;
    oci::Mount result = mount;
    // What the user namespace's owner may change of the host's own tree, a container in it must not (CVE-2023-25809).
    if (!has_namespace && config.linux_.has_namespace(CLONE_NEWUSER)) result.options.push_back("ro");
    if (location.version == 2) {
      result.type = "cgroup2";
      if (!has_namespace) {
        result.type = "bind";
        result.source = groups.at("");
        result.options.push_back("bind");
      }
      mounts.push_back(result);
      return;
    }
    if (has_namespace) {
      mounts.push_back(result);
      return;
    }
    // Without a namespace the whole machine's tree would show: bind the container's own groups over a tmpfs.
    std::vector<std::string> options = {"bind", "private"};
    options.insert(options.end(), result.options.begin(), result.options.end());
    std::vector<std::string> tmpfs_options = {"mode=755", "nosuid", "nodev", "noexec"};
    if (std::find(options.begin(), options.end(), "ro") != options.end()) tmpfs_options.push_back("ro");
    mounts.push_back({mount.destination, kTmpfsOfGroups, "cgroup", tmpfs_options});
    for (const auto& [name, path] : groups)
      mounts.push_back({mount.destination + "/" + name, "bind", path, options});
  }

  void expand() {
    for (const oci::Mount& mount : config.mounts) {
      if (mount.type == "cgroup") {
        add_cgroup(mount);
      } else if (mount.type == "sysfs" && has_new(CLONE_NEWUSER) && !has_new(CLONE_NEWNET)) {
        // sysfs shows a network namespace, which a user namespace may only do for its own.
        mounts.push_back({mount.destination, "bind", "/sys", {"rbind", "nosuid", "nodev", "noexec", "ro", "rslave"}});
      } else {
        mounts.push_back(mount);
      }
    }
  }

  void fill(child::Mount& planned, const oci::Mount& mount) {
    const MountOptions options = parse_mount_options(mount.options);
    const std::string target = clean_path(mount.destination);
    const bool is_bind = options.is_bind || mount.type == "bind";
    check_proc_target(mount, target, is_bind);
    planned.may_cover_proc = target == "/proc" || target.rfind("/proc/", 0) == 0;
    planned.tree_fd = -1;
    set_attributes(planned, options);
    arena.set(planned.target, target);
    if (options.is_remount) {
      planned.kind = child::MountKind::remount;
      return;
    }
    if (options.is_idmapped || !mount.uid_mappings.empty()) {
      if (!is_bind) throw_invalid("parse config", "mounts: " + target + ": only a bind can be idmapped");
      plan_id_mapping(planned, mount, options, target);
    }
    if (is_bind) {
      planned.kind = child::MountKind::bind;
      planned.is_recursive_bind = options.is_recursive_bind;
      if (mount.source.empty()) throw_invalid("parse config", "mounts: " + target + ": a bind needs a source");
      arena.set(planned.source, mount.source[0] == '/' ? mount.source : bundle + "/" + mount.source);
      // Without a word about propagation: what the host mounts below the source later may show, nothing goes back.
      if (planned.propagation == 0) {
        planned.propagation = MS_SLAVE;
        planned.is_propagation_recursive = true;
      }
      return;
    }
    planned.kind = mount.type == "cgroup" ? child::MountKind::cgroup_v1 : child::MountKind::filesystem;
    if (mount.type.empty()) throw_invalid("parse config", "mounts: " + target + ": neither a type nor a bind");
    const bool has_groups = mount.type == kTmpfsOfGroups;
    // Mounts and devices of /dev, the groups, what lies below a tmpfs: their targets are made first.
    planned.is_readonly_later =
        (has_groups || mount.type == "tmpfs") && (planned.attributes_set & MOUNT_ATTR_RDONLY) != 0;
    if (planned.is_readonly_later) planned.attributes_set &= ~std::uint64_t{MOUNT_ATTR_RDONLY};
    arena.set(planned.type, has_groups ? "tmpfs" : mount.type);
    arena.set_if(planned.source, mount.source);
    planned.is_proc = mount.type == "proc";
    planned.is_devpts = mount.type == "devpts";
    planned.refuses_symlinks = planned.is_proc || mount.type == "sysfs";
    Options data = options.data;
    if (!config.linux_.mount_label.empty() && takes_label(mount.type))
      data.push_back({"context", {true, config.linux_.mount_label}});
    set_options(arena, planned, data);
    if (options.classic != 0) {
      planned.kind = child::MountKind::classic;
      planned.classic_flags = options.classic;
      arena.set(planned.legacy_data, legacy_text(data));
    }
    const bool has_mode = std::any_of(data.begin(), data.end(), [](const auto& option) { return option.first == "mode"; });
    planned.keeps_mode = mount.type == "tmpfs" && !has_mode;
    planned.copies_up = options.copies_up;
    if (options.copies_up && mount.type != "tmpfs")
      throw_invalid("parse config", "mounts: " + target + ": only a tmpfs takes tmpcopyup");
  }

  /// The mount's own mappings, or those of the container's user namespace.
  void plan_id_mapping(child::Mount& planned, const oci::Mount& mount, const MountOptions& options,
                       const std::string& target) {
    planned.is_idmapped = true;
    planned.is_idmap_recursive = options.is_idmap_recursive;
    const oci::Namespace* user = config.linux_.find_namespace(CLONE_NEWUSER);
    if (!mount.uid_mappings.empty()) {
      arena.set(planned.uid_map, map_text(mount.uid_mappings));
      arena.set(planned.gid_map, map_text(mount.gid_mappings));
    } else if (user == nullptr) {
      throw_invalid("parse config", "mounts: " + target + ": idmap needs uidMappings and gidMappings, or a user namespace");
    } else if (!user->path.empty()) {
      arena.set(planned.id_namespace, user->path);
    } else {
      arena.set(planned.uid_map, map_text(config.linux_.uid_mappings));
      arena.set(planned.gid_map, map_text(config.linux_.gid_mappings));
    }
  }

  /// File systems without labels of their own, which take one for all their files.
  static bool takes_label(const std::string& type) { return type == "tmpfs" || type == "devpts" || type == "overlay"; }
};

std::uint32_t type_bits(const std::string& type) {
  if (type == "b") return S_IFBLK;
  if (type == "p") return S_IFIFO;
  return S_IFCHR;
}

std::vector<oci::Device> default_devices() {
  return {{"c", "/dev/null", 1, 3}, {"c", "/dev/zero", 1, 5},   {"c", "/dev/full", 1, 7},
          {"c", "/dev/tty", 5, 0},  {"c", "/dev/random", 1, 8}, {"c", "/dev/urandom", 1, 9}};
}

/// A bind on /dev brings its own nodes.
bool has_own_dev(const oci::Config& config) {
  for (const oci::Mount& mount : config.mounts) {
    if (clean_path(mount.destination) == "/dev")
      return mount.type == "bind" || parse_mount_options(mount.options).is_bind;
  }
  return false;
}

}  // namespace

void plan_mounts(PlanArena& arena, const oci::Config& config, const std::string& bundle, const std::string& rootfs_path,
                 const std::vector<RootfsMount>& rootfs, const CgroupLocation& location, bool no_pivot_root) {
  child::Plan& plan = arena.plan();
  const oci::Linux& wanted = config.linux_;
  if (rootfs.size() > 1) throw_invalid("parse config", "rootfs: more than one mount");
  plan_rootfs_mount(arena, plan.rootfs, rootfs.empty() ? RootfsMount{"bind", rootfs_path, {"rbind"}} : rootfs[0]);
  bool is_recursive = false;
  const std::uint64_t propagation = parse_propagation(wanted.rootfs_propagation, is_recursive);
  if (propagation == 0 && !wanted.rootfs_propagation.empty()) {
    throw_invalid("parse config", "linux.rootfsPropagation: unknown word " + wanted.rootfs_propagation);
  }
  const bool is_private = propagation == 0 || propagation == MS_PRIVATE || propagation == MS_UNBINDABLE;
  plan.old_root_propagation = is_private ? MS_PRIVATE : MS_SLAVE;
  plan.rootfs.propagation = is_private ? MS_PRIVATE : MS_SLAVE;
  plan.rootfs.is_propagation_recursive = true;
  plan.rootfs_propagation = propagation;
  plan.is_rootfs_propagation_recursive = is_recursive;
  plan.is_rootfs_readonly = config.is_root_readonly;
  plan.uses_pivot_root = !no_pivot_root;
  if (!wanted.mount_label.empty() && !path_exists("/sys/fs/selinux/enforce"))
    throw_invalid("parse config", "linux.mountLabel: SELinux is not enabled on this machine");
  MountPlanner planner{arena, config, bundle, location};
  planner.expand();
  arena.resize(plan.mounts, planner.mounts.size());
  for (size_t index = 0; index < planner.mounts.size(); ++index)
    planner.fill(plan.mounts[index], planner.mounts[index]);
  arena.set(plan.masked_paths, wanted.masked_paths);
  arena.set(plan.readonly_paths, wanted.readonly_paths);
}

void plan_devices(PlanArena& arena, const oci::Config& config) {
  child::Plan& plan = arena.plan();
  if (has_own_dev(config)) return;
  plan.makes_devices = true;
  plan.binds_devices = config.linux_.has_namespace(CLONE_NEWUSER) || is_in_user_namespace();
  std::vector<oci::Device> devices = default_devices();
  for (const oci::Device& wanted : config.linux_.devices) {
    bool is_default = false;
    // The container's own, by the link below: the host's would open terminals of the host.
    if (clean_path(wanted.path) == "/dev/ptmx") continue;
    for (oci::Device& device : devices) {
      if (device.path != clean_path(wanted.path)) continue;
      device = wanted;
      is_default = true;
    }
    if (!is_default) devices.push_back(wanted);
  }
  arena.resize(plan.devices, devices.size());
  for (size_t index = 0; index < devices.size(); ++index) {
    const oci::Device& device = devices[index];
    child::Device& planned = plan.devices[index];
    arena.set(planned.path, clean_path(device.path));
    planned.mode = type_bits(device.type) | (device.file_mode & 07777);
    planned.major = static_cast<std::uint32_t>(device.major);
    planned.minor = static_cast<std::uint32_t>(device.minor);
    planned.uid = device.uid;
    planned.gid = device.gid;
    planned.tree_fd = -1;
    planned.is_bound = plan.binds_devices && device.type != "p";
  }
  const std::pair<const char*, const char*> links[] = {
      {"/proc/self/fd", "/dev/fd"},       {"/proc/self/fd/0", "/dev/stdin"}, {"/proc/self/fd/1", "/dev/stdout"},
      {"/proc/self/fd/2", "/dev/stderr"}, {"pts/ptmx", "/dev/ptmx"},         {"/proc/kcore", "/dev/core"}};
  // a kernel without /proc/kcore has nothing for /dev/core to point at
  const size_t count = std::size(links) - (access("/proc/kcore", F_OK) == 0 ? 0 : 1);
  arena.resize(plan.links, count);
  for (size_t index = 0; index < count; ++index) {
    arena.set(plan.links[index].target, links[index].first);
    arena.set(plan.links[index].path, links[index].second);
  }
}

}  // namespace tsc
