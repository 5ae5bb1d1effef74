// Idmapped mounts: a user namespace that exists only to hold the mapping. Used by the stage; kernel 5.12.
#pragma once

#include "child/context.h"

namespace tsc::child {

/// Maps the ids of `mount.tree_fd`, which is not attached yet. False: failure recorded.
bool set_id_mapping(Context& context, const Mount& mount);

}  // namespace tsc::child
