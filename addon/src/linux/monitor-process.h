// Spawning `tsrunc monitor` from a process with many threads (Node): nothing of the caller is copied, no lock taken.
#pragma once

#include <sys/types.h>

#include <string>

#include "linux/unique-fd.h"
#include "runtime/named-fds.h"

namespace tsc {

struct MonitorFds {
  int plan;
  int channel;
  int peer;
  int exit_write;
  int exit_read;
  int directory;
};

/// vfork and execve of `program` as "tsrunc monitor <label>", with the fds at the numbers of child/plan.h, 0-2 on
/// /dev/null, an empty environment and all signals blocked. Gives the pid.
pid_t spawn_monitor(const std::string& program, const std::string& label, const MonitorFds& fds, const NamedFds& named);

/// Monitors are this process's children, and may end when nobody waits for them. Remembers one, to be reaped by
/// whichever verb runs next.
void remember_child(pid_t pid);
/// Reaps every remembered child that has ended.
void reap_children() noexcept;

}  // namespace tsc
