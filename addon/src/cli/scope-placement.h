// A child's place in the scope of a user's systemd, for create and exec: where the kernel lets only systemd move it,
// systemd is asked to while the child waits.
#pragma once

#include <optional>

#include "child/stage.h"
#include "linux/error.h"

namespace tsc::cli {

/// Lives as long as the stage runs. Does nothing for a plan without a scope.
class ScopePlacement {
 public:
  explicit ScopePlacement(child::Stage& stage);
  ScopePlacement(const ScopePlacement&) = delete;
  ScopePlacement& operator=(const ScopePlacement&) = delete;

  /// Why the stage failed: systemd's own words when it was this, else `other`.
  RuntimeError error_or(RuntimeError other) const { return error_.value_or(std::move(other)); }

 private:
  static bool place(void* self, pid_t child);

  const child::Plan& plan_;
  std::optional<RuntimeError> error_;
};

}  // namespace tsc::cli
