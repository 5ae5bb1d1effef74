// Namespaces, cgroups and sysctls of a plan.
#include <fcntl.h>
#include <linux/sched.h>
#include <string.h>
#include <unistd.h>

#include "linux/cgroup-delegation.h"
#include "linux/error.h"
#include "linux/file.h"
#include "linux/net-device.h"
#include "linux/user-namespace.h"
#include "runtime/container-plan.h"

namespace tsc {
namespace {

std::string offsets_text(const oci::Linux& config) {
  std::string text;
  for (const auto& [clock, offset] : config.time_offsets) {
    text += clock + " " + std::to_string(offset.first) + " " + std::to_string(offset.second) + "\n";
  }
  return text;
}

/// A user namespace first: joining the others needs the rights that it gives.
void plan_joins(PlanArena& arena, const oci::Linux& config, JoinedNamespaces& joined, NamedFds& fds) {
  // Not the cgroup and mount namespaces: the child joins those itself, see plan_cgroups() and Plan::mount_namespace_fd.
  constexpr std::uint64_t kOrder[] = {CLONE_NEWUSER, CLONE_NEWIPC, CLONE_NEWUTS,
                                      CLONE_NEWNET,  CLONE_NEWPID, CLONE_NEWTIME};
  auto& list = arena.plan().joins;
  arena.resize(list, joined.size());
  std::uint64_t index = 0;
  for (const std::uint64_t type : kOrder) {
    const auto found = joined.find(type);
    if (found == joined.end()) continue;
    list[index].type = static_cast<std::uint32_t>(type);
    list[index].fd = fds.add(std::move(found->second));
    arena.set(list[index].path, config.find_namespace(type)->path);
    ++index;
  }
}

void check_mappings(const oci::Linux& config) {
  const oci::Namespace* user = config.find_namespace(CLONE_NEWUSER);
  const bool has_mappings = !config.uid_mappings.empty() || !config.gid_mappings.empty();
  if (user == nullptr && has_mappings) throw_invalid("parse config", "linux.uidMappings: there is no user namespace");
  if (user != nullptr && user->path.empty() && (config.uid_mappings.empty() || config.gid_mappings.empty())) {
    throw_invalid("parse config", "linux.uidMappings, linux.gidMappings: a new user namespace needs both");
  }
}

void plan_mapper(PlanArena& arena, child::Hook& mapper, const char* name, const std::vector<oci::IdMapping>& mappings) {
  const std::string program = find_program(name);
  if (program.empty())
    throw RuntimeError("", "parse config", "", ENOENT, name, "")
        .advised("to map more than their own id an ordinary user needs this program");
  // A place for the pid, which is not known yet.
  std::vector<std::string> arguments = {name, std::string(child::kNumberSpace, ' ')};
  for (const oci::IdMapping& mapping : mappings) {
    for (const std::uint32_t number : {mapping.container_id, mapping.host_id, mapping.size})
      arguments.push_back(std::to_string(number));
  }
  arena.set(mapper.path, program);
  arena.set(mapper.arguments, arguments);
  mapper.vector_space.set(arena.allocate<char*>(arguments.size() + 2));
}

bool maps_only(const std::vector<oci::IdMapping>& mappings, std::uint32_t own_id) {
  return mappings.size() == 1 && mappings[0].host_id == own_id && mappings[0].size == 1;
}

/// Root writes the maps, an ordinary user too where only their own ids are in them; else programs do that may.
void plan_id_maps(PlanArena& arena, const oci::Linux& config) {
  child::Plan& plan = arena.plan();
  const bool has_rights = geteuid() == 0;
  plan.denies_setgroups = !has_rights && maps_only(config.gid_mappings, getegid());
  if (has_rights || maps_only(config.uid_mappings, geteuid())) {
    arena.set_if(plan.uid_map, map_text(config.uid_mappings));
  } else {
    plan_mapper(arena, plan.uid_mapper, "newuidmap", config.uid_mappings);
  }
  if (has_rights || plan.denies_setgroups) {
    arena.set_if(plan.gid_map, map_text(config.gid_mappings));
  } else {
    plan_mapper(arena, plan.gid_mapper, "newgidmap", config.gid_mappings);
  }
}

/// The namespace that keeps a sysctl from being the host's; 0 for one that has none.
std::uint64_t sysctl_namespace(const std::string& key) {
  const auto begins = [&key](const char* prefix) { return key.rfind(prefix, 0) == 0; };
  if (begins("net.")) return CLONE_NEWNET;
  if (begins("fs.mqueue.") || begins("kernel.msg") || begins("kernel.shm") || key == "kernel.sem") return CLONE_NEWIPC;
  if (key == "kernel.domainname" || key == "kernel.hostname") return CLONE_NEWUTS;
  if (begins("user.")) return CLONE_NEWUSER;
  return 0;
}

void check_sysctl(const oci::Linux& config, const std::string& key) {
  const std::uint64_t type = sysctl_namespace(key);
  if (type == 0) throw_invalid("parse config", "linux.sysctl: " + key + " is the whole machine's");
  if (!config.has_namespace(type))
    throw_invalid("parse config", "linux.sysctl: " + key + " is the host's without a namespace for it");
}

/// A group that we may not bring a process into: systemd may, where the group is its unit's.
void plan_scope(PlanArena& arena, const CgroupLocation& location, const std::string& directory,
                const std::string& closed) {
  const size_t unit = directory.find("/" + location.unit);
  if (location.unit.empty() || unit == std::string::npos) {
    throw RuntimeError("", "enter cgroup", "", EACCES, directory,
                       "this process is in " + cgroup_system().unified_own_path + ", and may not write " + closed +
                           "/cgroup.procs, which a way from there to here takes")
        .advised("start from inside of the delegated group, as `systemd-run --user --scope -p Delegate=yes` does");
  }
  child::Plan& plan = arena.plan();
  const std::string below = directory.substr(unit + 1 + location.unit.size());
  arena.set(plan.scope_unit, location.unit);
  arena.set(plan.scope_group, below.empty() ? "/" : below);
  plan.waits_release = true;
}

}  // namespace

std::string map_text(const std::vector<oci::IdMapping>& mappings) {
  std::string text;
  for (const oci::IdMapping& mapping : mappings) {
    text += std::to_string(mapping.container_id) + " " + std::to_string(mapping.host_id) + " " +
            std::to_string(mapping.size) + "\n";
  }
  return text;
}

void plan_namespaces(PlanArena& arena, const oci::Config& config, JoinedNamespaces joined, NamedFds& fds) {
  const oci::Linux& wanted = config.linux_;
  child::Plan& plan = arena.plan();
  check_mappings(wanted);
  if (!wanted.net_devices.empty() && !wanted.has_namespace(CLONE_NEWNET))
    throw_invalid("parse config", "linux.netDevices: there is no network namespace of the container's own");
  for (const oci::Namespace& item : wanted.namespaces) {
    if (item.type == CLONE_NEWUSER) plan.becomes_mapped_root = true;
    if (!item.path.empty() || item.type == CLONE_NEWNS) continue;
    if (item.type == CLONE_NEWCGROUP) {
      plan.unshares_cgroup = true;
    } else if (item.type == CLONE_NEWTIME) {
      plan.unshares_time = true;
    } else {
      plan.clone_flags |= item.type;
    }
  }
  // Always: without one of its own, too, the container's root is built where nobody else sees it.
  plan.clone_flags |= CLONE_NEWNS;
  if (wanted.has_namespace(CLONE_NEWUSER) && !wanted.has_namespace(CLONE_NEWNS))
    throw_invalid("parse config", "linux.namespaces: a user namespace cannot go without a mount namespace");
  plan.raises_loopback = (plan.clone_flags & CLONE_NEWNET) != 0;
  plan_joins(arena, wanted, joined, fds);
  if (!wanted.time_offsets.empty() && !plan.unshares_time)
    throw_invalid("parse config", "linux.timeOffsets: there is no new time namespace");
  arena.set_if(plan.time_offsets, offsets_text(wanted));
  plan.waits_release = (plan.clone_flags & CLONE_NEWUSER) != 0;
  if ((plan.clone_flags & CLONE_NEWUSER) != 0) plan_id_maps(arena, wanted);
  plan.prepares_inside = geteuid() != 0;
  if (plan.prepares_inside && !plan.becomes_mapped_root)
    throw_invalid("parse config", "linux.namespaces: rootless container requires user namespaces");
  if (!config.hostname.empty() && !wanted.has_namespace(CLONE_NEWUTS))
    throw_invalid("parse config", "hostname: there is no uts namespace");
  if (!config.domainname.empty() && !wanted.has_namespace(CLONE_NEWUTS))
    throw_invalid("parse config", "domainname: there is no uts namespace");
  arena.set_if(plan.hostname, config.hostname);
  arena.set_if(plan.domainname, config.domainname);
}

void plan_net_devices(PlanArena& arena, const oci::Config& config) {
  child::Plan& plan = arena.plan();
  const auto& wanted = config.linux_.net_devices;
  if (wanted.empty()) return;
  plan.waits_release = true;
  arena.resize(plan.net_devices, wanted.size());
  std::uint64_t index = 0;
  for (const auto& [name, inside] : wanted) {
    const NetDeviceFacts facts = find_net_device(name);
    child::NetDevice& device = plan.net_devices[index++];
    arena.set(device.name, name);
    arena.set(device.wanted, inside);
    device.index = facts.index;
    device.was_up = facts.is_up;
    arena.resize(device.addresses, facts.addresses.size());
    for (size_t position = 0; position < facts.addresses.size(); ++position) {
      const std::string& message = facts.addresses[position];
      child::NetMessage& planned = device.addresses[position];
      planned.size = message.size();
      // Aligned, since it is read as a structure.
      char* bytes = reinterpret_cast<char*>(arena.allocate<std::uint64_t>(message.size() / 8 + 1));
      memcpy(bytes, message.data(), message.size());
      planned.bytes.set(bytes);
    }
  }
}

void plan_cgroups(PlanArena& arena, const CgroupLocation& location, UniqueFd cgroup_namespace, NamedFds& fds) {
  constexpr const char* kStep = "open cgroup";
  child::Plan& plan = arena.plan();
  if (cgroup_namespace) plan.cgroup_namespace_fd = fds.add(std::move(cgroup_namespace));
  // An ordinary user may have none.
  if (location.paths.empty()) return;
  if (location.version == 2) {
    const std::string& directory = location.paths.at("");
    const std::string closed = closed_ancestor(directory);
    if (!closed.empty()) return plan_scope(arena, location, directory, closed);
    plan.cgroup2_fd = fds.add(open_file(kStep, directory, O_RDONLY | O_DIRECTORY));
    return;
  }
  const auto& hierarchies = cgroup_system().hierarchies;
  const bool has_unified = !location.unified().empty();
  if (has_unified) plan.cgroup2_fd = fds.add(open_file(kStep, location.unified(), O_RDONLY | O_DIRECTORY));
  arena.resize(plan.hierarchies, location.paths.size() - (has_unified ? 1 : 0));
  std::uint64_t index = 0;
  for (const CgroupHierarchy& hierarchy : hierarchies) {
    const auto found = location.paths.find(hierarchy.name);
    if (found == location.paths.end()) continue;
    child::CgroupHierarchy& planned = plan.hierarchies[index++];
    arena.set(planned.name, hierarchy.name);
    arena.set(planned.controllers, hierarchy.controllers);
    planned.tasks_fd = fds.add(open_file(kStep, found->second + "/tasks", O_WRONLY));
  }
  plan.hierarchies.count = index;  // a hierarchy may have been unmounted since the container was made
}

void plan_resctrl(PlanArena& arena, const ResctrlGroup& group, NamedFds& fds) {
  if (!group.exists()) return;
  child::Plan& plan = arena.plan();
  plan.resctrl_fd = fds.add(open_file("open resctrl group", group.path + "/tasks", O_WRONLY));
  if (!group.monitor_path.empty())
    plan.monitor_group_fd = fds.add(open_file("open resctrl group", group.monitor_path + "/tasks", O_WRONLY));
}

void plan_sysctls(PlanArena& arena, const oci::Config& config) {
  auto& list = arena.plan().sysctls;
  arena.resize(list, config.linux_.sysctl.size());
  std::uint64_t index = 0;
  for (const auto& [key, value] : config.linux_.sysctl) {
    std::string dotted = key;
    // sysctl.d(5): a key that has a slash before any dot is a path already.
    const size_t first = key.find_first_of("./");
    const bool is_path = first != std::string::npos && key[first] == '/';
    for (char& letter : dotted) {
      if (is_path && (letter == '/' || letter == '.')) letter = letter == '/' ? '.' : '/';
    }
    check_sysctl(config.linux_, dotted);
    std::string path = "sys/" + dotted;
    for (char& letter : path) {
      if (letter == '.')
        letter = '/';
      else if (letter == '/' && &letter > &path[3])
        letter = '.';
    }
    if (path.find("/../") != std::string::npos) throw_invalid("parse config", "linux.sysctl: " + key);
    arena.set(list[index].path, path);
    arena.set(list[index].value, value);
    ++index;
  }
}

}  // namespace tsc
