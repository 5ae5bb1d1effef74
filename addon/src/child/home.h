// HOME for a process whose environment has none, from the container's /etc/passwd.
#pragma once

#include "child/plan.h"

namespace tsc::child {

/// Fills `home_space`, when there is one, with "HOME=<directory>"; "/" for a user whom the file does not know.
/// Inside the container's root, before the user changes.
void find_home(const Process& process);

}  // namespace tsc::child
