// Device nodes, the default links of /dev, and the container's console. Each ends the process on failure.
#pragma once

#include "child/context.h"

namespace tsc::child {

void make_devices(Context& context, int root_fd);
void make_links(Context& context, int root_fd);

/// Opens a new pty in the devpts mounted at `devpts_fd` (or, -1, at /dev/pts inside `root_fd`), hands the master to
/// the stage, and gives the peer. `root_fd` >= 0 also binds the peer to /dev/console.
int open_console(Context& context, int root_fd, int devpts_fd, bool binds_console);

/// setsid, controlling terminal, and 0, 1, 2.
void adopt_console(Context& context, int terminal_fd);

}  // namespace tsc::child
