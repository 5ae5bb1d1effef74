// The monitor: parent of one container process. See monitor.cc.
#pragma once

namespace tsc::child {

/// The whole life of `tsrunc monitor`, on the fds named in plan.h. Never allocates. Gives the exit status.
/// `title`: its third argument, kMonitorTitleSize long, where `ps` shall show whose it is.
int monitor_main(char* title);

}  // namespace tsc::child
