// The part of exec that both fronts share: the plan of a process that joins a container.
#pragma once

#include "runtime/named-fds.h"
#include "runtime/plan-arena.h"
#include "runtime/state-store.h"

namespace tsc {

/// `sub_cgroups`: see runtime/sub-cgroup.h; empty: the container's own group.
void plan_exec(PlanArena& arena, NamedFds& fds, const StateStore& store, const ContainerRecord& record,
               const oci::Process& process, const std::vector<std::string>& sub_cgroups, Warnings& warnings);

/// Throws unless a process may be added to a container of this status.
void check_may_exec(const std::string& status, bool ignores_pause);

}  // namespace tsc
