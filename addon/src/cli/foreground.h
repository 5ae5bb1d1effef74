// A container process in the foreground: signals go to it, the terminal is passed through, its exit status comes back.
#pragma once

#include <sys/types.h>

#include <string>

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
  int wait(pid_t pid, int pty);

 private:
  UniqueFd signals_;
};

/// Sends the pty master to the socket at `path`, as runc's --console-socket wants it.
void send_console(const std::string& path, int pty);

void write_pid_file(const std::string& path, pid_t pid);

}  // namespace tsc::cli
