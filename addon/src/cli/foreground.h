// A container process in the foreground: signals go to it, the terminal is passed through, its exit status comes back.
#pragma once

#include <sys/types.h>

#include <string>

#include "cli/notify-proxy.h"
#include "linux/unique-fd.h"

namespace tsc::cli {

/// Blocks the signals that are to be forwarded; construct it before the process is made.
class Foreground {
 public:
  Foreground();
  ~Foreground();
  Foreground(const Foreground&) = delete;
  Foreground& operator=(const Foreground&) = delete;

  /// Waits for our child `pid`. `pty` (master, may be -1) is copied to and from 0 and 1, in raw mode when 0 is a tty.
  /// `notify` (may be null): what it forwards names us as the main process, since we are the one who stays.
  int wait(pid_t pid, int pty, NotifyProxy* notify = nullptr);

 private:
  UniqueFd signals_;
};

void write_pid_file(const std::string& path, pid_t pid);

}  // namespace tsc::cli
