// Hooks: programs of the configuration that are run at points of a container's life, with its state on stdin.
// Used by the stage (prestart, createRuntime), by init (createContainer, startContainer) and, with a plan of their own,
// by start and delete (poststart, poststop). Safe in a process with threads: the hook is vforked.
#pragma once

#include "child/context.h"

namespace tsc::child {

/// Runs the hooks one after the other. `status` and `pid` go into the state; pid 0 leaves it out. `directory` null: the
/// caller's own. False: the failure is recorded in the context's report, and no later hook was run.
bool run_hooks(Context& context, Step step, const List<Hook>& hooks, const char* status, pid_t pid,
               const char* directory);

/// One hook; false as above.
bool run_hook(Context& context, const Hook& hook, const char* status, pid_t pid, const char* directory);

/// A program that is no hook: nothing on stdin. False as above.
bool run_program(Context& context, const Hook& program);

/// Every signal as a new program expects it.
void reset_signals();

}  // namespace tsc::child
