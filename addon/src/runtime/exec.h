// The part of exec that both fronts share: the plan of a process that joins a container.
#pragma once

#include "runtime/named-fds.h"
#include "runtime/plan-arena.h"
#include "runtime/state-store.h"

namespace tsc {

void plan_exec(PlanArena& arena, NamedFds& fds, const StateStore& store, const ContainerRecord& record,
               const oci::Process& process, Warnings& warnings);

}  // namespace tsc
