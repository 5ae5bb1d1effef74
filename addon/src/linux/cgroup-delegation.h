// Which v2 groups an ordinary user may bring processes into. Used by the plans of create and exec.
#pragma once

#include <string>

namespace tsc {

/// "" when a process of this one's group may be moved into `directory`. Else the group above both whose cgroup.procs is
/// closed to us: the way leads out of what was delegated. cgroup-v2, "Delegation Containment"
std::string closed_ancestor(const std::string& directory);

}  // namespace tsc
