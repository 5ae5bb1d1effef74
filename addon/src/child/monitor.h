// The monitor: parent of one container process. See monitor.cc.
#pragma once

namespace tsc::child {

/// A process that is the caller's child although it was not cloned by a stage: criu has restored it.
struct Attended {
  int pid;
  int signal_fd;        // of open_monitor_signals(), called before the process was there
  int pty_fd;           // master, -1 without a terminal
  int stdio_keep[3];    // O_RDWR ends of the FIFOs, -1 when not a FIFO
  int stdio_child[2];   // with a terminal: where its input comes from and its output goes
};

/// The fds that a monitor is sent, to the numbers in plan.h. False: whoever asked for it has given up, or is gone.
bool receive_monitor_fds();
/// Blocks all signals, and tells of a child's end and of SIGUSR1 by a descriptor. -1: errno tells.
int open_monitor_signals();
/// A monitor's life from there on, to the end of the process and of its output. Gives the exit status.
int attend(const Attended& attended, char* title, const char* label);

/// The whole life of `tsrunc monitor`, on the fds named in plan.h. Never allocates. Gives the exit status.
/// `title`: its third argument, kMonitorTitleSize long, where `ps` shall show whose it is.
int monitor_main(char* title);

}  // namespace tsc::child
