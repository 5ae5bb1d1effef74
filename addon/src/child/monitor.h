// The monitor: parent of one container process. See monitor.cc.
#pragma once

namespace tsc::child {

/// The whole life of `tsrunc monitor`, on the fds named in plan.h. Never allocates. Gives the exit status.
int monitor_main();

}  // namespace tsc::child
