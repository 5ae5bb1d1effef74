// restore under a monitor, as a shim wants it: no thread of the shim's may change its mount namespace, and the restored
// init must outlive the shim. So a process of its own does it, criu's parent and hence init's, and stays as the monitor.
//
//   shim (or any caller)               tsrunc restore-monitor
//     | vfork, execve  ------------------>|
//     | request, fds (SCM_RIGHTS) ------->|  opens stdio; restore_container()
//     |<-- {"pid":...} or the error ------|
//     |                                   |  from here on as every monitor (child/monitor.cc)
#pragma once

#include "runtime/checkpoint.h"

namespace tsc {

/// The caller's half; blocks until criu is done.
CreatedProcess restore_under_monitor(const RuntimeConfig& config, const CreateRequest& request,
                                     const CriuOptions& options);

/// The monitor's half: its whole life. `title` is where `ps` shall show whose it is.
int run_restore_monitor(char* title);

}  // namespace tsc
