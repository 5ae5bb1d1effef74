// The container part of a plan: namespaces, mounts, devices, paths. Only init has one.
#pragma once

#include "linux/cgroup.h"
#include "linux/resctrl.h"
#include "oci/config.h"
#include "runtime/joined-namespaces.h"
#include "runtime/named-fds.h"
#include "runtime/plan-arena.h"
#include "runtime/runtime.h"

namespace tsc {

/// The text of /proc/PID/uid_map.
std::string map_text(const std::vector<oci::IdMapping>& mappings);
void plan_namespaces(PlanArena& arena, const oci::Config& config, JoinedNamespaces joined, NamedFds& fds);
void plan_net_devices(PlanArena& arena, const oci::Config& config);
/// Opens each group's `tasks` (v2: the directory) for the child. `cgroup_namespace`: one that it is to join, or empty.
void plan_cgroups(PlanArena& arena, const CgroupLocation& location, UniqueFd cgroup_namespace, NamedFds& fds);
/// Opens the resctrl group's `tasks` for the child.
void plan_resctrl(PlanArena& arena, const ResctrlGroup& group, NamedFds& fds);
/// `rootfs_path` is config.root.path made absolute; `rootfs` may be empty.
void plan_mounts(PlanArena& arena, const oci::Config& config, const std::string& bundle, const std::string& rootfs_path,
                 const std::vector<RootfsMount>& rootfs, const CgroupLocation& location, bool no_pivot_root);
void plan_devices(PlanArena& arena, const oci::Config& config);
void plan_sysctls(PlanArena& arena, const oci::Config& config);

}  // namespace tsc
