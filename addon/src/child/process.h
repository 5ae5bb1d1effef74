// What makes a process the one that config.json asks for: limits, user, capabilities, directory, filter, command.
// Shared by init and exec. Each ends the process on failure.
#pragma once

#include <sys/types.h>

#include "child/context.h"

namespace tsc::child {

/// Limits, scheduler and I/O priority of `pid` (0: this process). Gives the system call that failed, or null.
const char* tune_process(Context& context, pid_t pid);
/// The processors that the mask names. False: errno.
bool set_affinity(const List<std::uint64_t>& cpus);
/// Session keyring, limits, label: what still needs privileges, or host files, before the root changes.
void prepare_process(Context& context);
/// Bounding set, groups, ids, capabilities, no-new-privileges, working directory; then looks the command up.
void become_user(Context& context);
/// The last steps: seccomp and execve.
[[noreturn]] void execute(Context& context);

/// The command, resolved by become_user.
const char* command_path(const Context& context);

}  // namespace tsc::child
