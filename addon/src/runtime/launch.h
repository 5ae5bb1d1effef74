// From a finished plan to a running process under a monitor: shared by create and exec.
#pragma once

#include "child/protocol.h"
#include "linux/monitor-process.h"
#include "runtime/named-fds.h"
#include "runtime/plan-arena.h"
#include "runtime/report.h"
#include "runtime/runtime.h"

namespace tsc {

struct Launched {
  pid_t pid = 0;
  pid_t monitor_pid = 0;
  UniqueFd channel;  // the shim's end: later reports
  UniqueFd exit_fd;
};

/// Gives the waiting monitor its plan and waits until its child is ready. Throws what they report; then the child is
/// gone, and the monitor goes with the MonitorProcess. `directory` is where the exit record goes.
Launched launch(MonitorProcess& monitor, const std::string& label, PlanArena& arena, NamedFds& fds,
                const std::string& directory, std::vector<RuntimeStep>& steps, StepClock& clock);

/// Waits for the word on execve: throws when it failed.
void read_start_outcome(int channel, std::vector<RuntimeStep>& steps);

/// Plans the stdio paths; checks that they go together with the terminal.
void plan_io(PlanArena& arena, const ProcessIo& io);

}  // namespace tsc
