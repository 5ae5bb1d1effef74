// The hooks of config.json: planned for create, run by start and delete.
#pragma once

#include "oci/config.h"
#include "runtime/plan-arena.h"
#include "runtime/state-store.h"

namespace tsc {

/// prestart, createRuntime, createContainer and startContainer, for the stage and for init.
void plan_hooks(PlanArena& arena, const oci::Config& config, const ContainerRecord& record);

/// prestart and createRuntime, for a restore: there the stage does not run them. The first that fails throws.
void run_create_hooks(const ContainerRecord& record, const oci::Config& config, pid_t pid);
/// The first that fails throws; those after it do not run.
void run_poststart_hooks(const ContainerRecord& record);
/// One that fails becomes a warning, and those after it run. runtime-spec runtime.md, "Lifecycle"
Warnings run_poststop_hooks(const ContainerRecord& record) noexcept;

}  // namespace tsc
