// Output that nobody has read yet: what a process's parent waits for once the process has ended. Used by the monitor and,
// for processes of other runtimes, by tsrunc supervise.
#pragma once

namespace tsc::child {

/// Whether bytes wait in this end of a FIFO that somebody can still come for. -1: none.
bool is_unread(int fd);
/// A FIFO forgets its bytes when its last end is closed. With the reader killed, these ends of stdout and stderr are the
/// last: waits until a new reader has taken what there is, at most an hour. -1: none. A FIFO that is unlinked is passed
/// over, since nobody can come for it.
void outlast_unread_output(int stdout_fd, int stderr_fd);

}  // namespace tsc::child
