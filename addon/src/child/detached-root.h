// The root of a container that has no mount namespace of its own: a tree that is mounted nowhere (decision 35). Used by init
// and by exec processes; both calls end the process on failure, and do nothing for any other container.
#pragma once

#include "child/context.h"

namespace tsc::child {

/// Leaves the mount namespace in which the root was built for the one that the container is to be in.
void leave_building(Context& context);
/// exec: takes a root that the container's namespaces do not lead to.
void enter_foreign_root(Context& context);

}  // namespace tsc::child
