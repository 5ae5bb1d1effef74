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
  Warnings warnings;
};

/// Gives the waiting monitor its plan and waits until its child is ready. Throws what they report; then the child is
/// gone, and the monitor goes with the MonitorProcess. `directory` is where the exit record goes.
Launched launch(MonitorProcess& monitor, const std::string& label, PlanArena& arena, NamedFds& fds,
                const std::string& directory, std::vector<RuntimeStep>& steps, StepClock& clock);

/// For the steps between a launch and its record: a process that nobody would find again is killed, and its monitor's
/// word on that awaited (bounded).
class KillUnlessKept {
 public:
  explicit KillUnlessKept(const Launched& launched) : launched_(launched) {}
  ~KillUnlessKept();
  KillUnlessKept(const KillUnlessKept&) = delete;
  KillUnlessKept& operator=(const KillUnlessKept&) = delete;

  void keep() { is_kept_ = true; }

 private:
  const Launched& launched_;
  bool is_kept_ = false;
};

/// Waits for the word on execve: throws when it failed.
void read_start_outcome(int channel, std::vector<RuntimeStep>& steps);

/// Plans the stdio paths; checks that they go together with the terminal.
void plan_io(PlanArena& arena, const ProcessIo& io);

}  // namespace tsc
