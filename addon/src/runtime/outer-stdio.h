// The stdio of a container where it leads out of the container's own mounts: FIFOs and files of the host, which criu
// would not find again. Used by checkpoint.
//
// They are dumped as files of the outside, and afterwards the images are changed to say that they were pipes: that is
// what runc's containers have, and what restore, runc's as well as ours, gives its own standard fds in place of.
#pragma once

#include <sys/types.h>

#include <array>
#include <map>
#include <string>
#include <vector>

#include "runtime/runtime.h"

namespace tsc {

/// criu's names of such files, "file[<mount id>:<inode>]" in hexadecimal, each with the standard fd that it belongs to.
using OuterStdio = std::map<std::string, int>;

/// Looks at every fd of these processes. `io`: what the runtime opened for init.
OuterStdio find_outer_stdio(const std::vector<pid_t>& pids, pid_t init, const ProcessIo& io);

/// Changes files.img and fdinfo-*.img in place. Gives the names of the pipes, "pipe:[4026]", by standard fd; "" for those
/// that no open file led to.
std::array<std::string, 3> turn_into_pipes(const std::string& images, const OuterStdio& outer);

}  // namespace tsc
