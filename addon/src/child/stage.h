// The stage: what the container's parent does around clone: stdio, trees of mounts from the host, joined namespaces,
// clone3, id maps. It runs in the monitor, and in the tsrunc command itself when there is no monitor.
#pragma once

#include <sys/types.h>

#include "child/context.h"

namespace tsc::child {

struct Stage {
  Context context;  // step times and failures of the stage itself
  pid_t child_pid;
  int child_fd;        // our end of the socket to the child
  std::uint64_t moved_devices;
  int net_namespace_fd;  // the child's, while devices may have to come back; else -1
  bool keeps_root;     // asked of it: `root_fd` is then the caller's to close
  int root_fd;         // of a root filesystem that nobody else has mounted; else -1
  /// Does with the child what takes more than the stage's own means, while it waits. Null, or set by the caller between
  /// stage_init and stage_run; false: it failed, of which the caller knows.
  bool (*place)(void* subject, pid_t child);
  void* place_subject;
  int pty_fd;          // master, -1 without a terminal
  int stdio_keep[3];   // O_RDWR ends of the FIFOs, -1 when not a FIFO
  int stdio_child[3];  // what the container gets as 0, 1, 2 (-1: inherits the caller's)
};

void stage_init(Stage& stage, Plan* plan);
/// Runs everything up to the child's "ready" (or failure). False: stage.context.report says what failed, and no child
/// is left. True: the report has all step times, and the pid.
bool stage_run(Stage& stage);

/// Reads the child's word after start: 0 execve succeeded, 1 the report tells the failure.
int stage_read_outcome(Stage& stage, Report& report);

/// The clone of the container's process lands here; never returns.
[[noreturn]] void run_child(Plan* plan, const Stage& stage, int sync_fd);

}  // namespace tsc::child
