// The seccomp filter: loaded by the container's own process, its notification fd given to an agent by the stage.
// seccomp_unotify(2); runtime-spec config-linux.md, "The Container Process State"
#pragma once

#include <sys/types.h>

#include "child/context.h"

namespace tsc::child {

/// Loads the plan's filter, if there is one, and reports its notification fd (ReportKind::listener) when it has one.
/// From here on system calls may be refused, or wait for the agent.
void load_filter(Context& context);

/// Whether it is to be loaded before "ready", with the privileges that loading takes; else right before execve, so that
/// the filter sees as few calls of ours as can be.
bool loads_filter_early(const Plan& plan);

/// The stage's part: connects to the agent and sends the container process state with the fd. False: the failure is
/// recorded in the context.
bool give_to_agent(Context& context, int listener_fd, pid_t pid);

}  // namespace tsc::child
