// tmpcopyup: what a directory of the image holds, copied into the tmpfs that is about to cover it.
#pragma once

namespace tsc::child {

/// Copies the content of directory `from_fd` (O_PATH will do) into directory `to_fd`, and its own owner: files,
/// directories, links and nodes with owner, mode and times. False: errno.
bool copy_tree(int from_fd, int to_fd);

}  // namespace tsc::child
