// A procfs of our own, mounted nowhere: what the runtime writes for a container goes through it. The container's /proc
// may be a fake, or covered in places, and a write there could land in another file (CVE-2019-16884, CVE-2025-52881).
#pragma once

#include "child/context.h"

namespace tsc::child {

/// Of the present pid namespace. Fails the process when there is none to be had.
int open_private_proc(Context& context);

/// One write of `text` to `path` below it. Links that procfs makes itself (thread-self) are followed, no others.
void write_private_proc(Context& context, int proc_fd, const char* path, const char* text);

}  // namespace tsc::child
