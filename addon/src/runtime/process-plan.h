// The process part of a plan: what config.json asks for, cut down to what this machine can give.
#pragma once

#include "oci/config.h"
#include "runtime/plan-arena.h"
#include "runtime/runtime.h"
#include "runtime/state-store.h"

namespace tsc {

struct ProcessContext {
  bool has_user_namespace = false;
  const std::vector<oci::IdMapping>& uid_mappings;
  bool no_new_keyring = false;
  std::string id;
  const ContainerTraits& traits;
};

/// Fills plan.process. What cannot be granted, and by the specification is no error, becomes a warning.
void plan_process(PlanArena& arena, const oci::Process& process, const ProcessContext& context,
                  Warnings& warnings);

/// The mapped id on the host; the id itself when it is not mapped.
std::uint32_t to_host_id(const std::vector<oci::IdMapping>& mappings, std::uint32_t id);

}  // namespace tsc
