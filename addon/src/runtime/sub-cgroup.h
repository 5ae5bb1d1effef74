// exec --cgroup: groups that the container has made below its own, for one more process.
#pragma once

#include <string>
#include <vector>

#include "linux/cgroup.h"

namespace tsc {

/// Each of `wanted` is "[controller,...:]path", the path counted from the container's group. Throws when the path leads
/// out of it, when there is no such group, or when the container has no such controller.
void enter_sub_cgroups(CgroupLocation& location, const std::vector<std::string>& wanted);

/// On v2 a group that has given controllers to the groups below it takes no process: then the new one goes where init
/// is. cgroups(7), "no internal processes"
void follow_init(CgroupLocation& location, pid_t init);

}  // namespace tsc
