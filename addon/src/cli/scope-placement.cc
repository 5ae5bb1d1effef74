// A child's place in the scope of a user's systemd: see the header.
#include "cli/scope-placement.h"

#include "linux/systemd-scope.h"

namespace tsc::cli {

ScopePlacement::ScopePlacement(child::Stage& stage) : plan_(*stage.context.plan) {
  if (!plan_.scope_unit) return;
  stage.place = place;
  stage.place_subject = this;
}

bool ScopePlacement::place(void* self, pid_t child) {
  auto& placement = *static_cast<ScopePlacement*>(self);
  try {
    attach_to_scope(placement.plan_.scope_unit.get(), placement.plan_.scope_group.get(), child);
    return true;
  } catch (const RuntimeError& error) {
    placement.error_ = error;
    return false;
  }
}

}  // namespace tsc::cli
