// A report of the child or the stage (child/protocol.h) in the words of the library: errors and step times.
#pragma once

#include "child/plan.h"
#include "child/protocol.h"
#include "runtime/runtime.h"

namespace tsc {

/// "mount proc on /proc"; without a plan "mount".
std::string step_name(child::Step step, std::uint16_t index, const child::Plan* plan);

RuntimeError to_error(const child::Report& report, const child::Plan* plan);

void append_steps(std::vector<RuntimeStep>& steps, const child::Report& report, const child::Plan* plan);

/// What the container does not have as it was wanted, though it runs.
void append_warnings(Warnings& warnings, const child::Report& report, const child::Plan& plan);

/// Times the parent's own steps: each begin() ends the one before.
class StepClock {
 public:
  explicit StepClock(std::vector<RuntimeStep>& steps) : steps_(steps) {}
  void begin(const char* name);
  void end();

 private:
  std::vector<RuntimeStep>& steps_;
  size_t open_ = 0;
  bool is_open_ = false;
};

}  // namespace tsc
