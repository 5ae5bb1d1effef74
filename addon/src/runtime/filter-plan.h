// The seccomp part of a plan: the program, and for one with a listener what its agent is told. For create and exec.
#pragma once

#include "linux/seccomp.h"
#include "runtime/plan-arena.h"
#include "runtime/state-store.h"

namespace tsc {

/// `record.process.pid` is 0 while the container is being created.
void plan_filter(PlanArena& arena, const SeccompProgram& program, const ContainerRecord& record);

}  // namespace tsc
