// The trees of mounts that a container has from outside: its root filesystem, the sources of its binds, bound devices.
// The stage clones them, since the child may not be allowed to walk there; where the stage itself may clone nothing (an
// ordinary user), the child does, in the user namespace that gives it the right.
#pragma once

#include "child/context.h"

namespace tsc::child {

/// Detached, so that the host never sees them mounted twice. False: the failure is recorded.
bool prepare_trees(Context& context);
void close_trees(Plan& plan);
/// The caller's from now on: the mount of a root filesystem that only the container has; -1 when there is none.
int take_root(Plan& plan);

}  // namespace tsc::child
