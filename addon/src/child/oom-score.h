// The score by which the kernel chooses a victim when memory runs out. Taken on by the parent for the time of the
// clone: a child inherits it, while the child's own file in /proc may be closed to a parent without the host's rights.
// Called by the stage. proc_pid_oom_score_adj(5)
#pragma once

#include "child/context.h"

namespace tsc::child {

/// What the parent's own score was, as text; "" when it was not changed.
struct OomScore {
  char own[12];
};

/// Takes on the plan's score. Without CAP_SYS_RESOURCE nobody may go below what a holder of it set last: then it is the
/// lowest that the kernel takes, and the report says so. False: another failure, which is recorded.
bool take_oom_score(Context& context, OomScore& before);

/// Goes back to its own, which the kernel always allows.
void restore_oom_score(const OomScore& before);

}  // namespace tsc::child
