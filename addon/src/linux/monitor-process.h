// Spawning `tsrunc monitor` from a process with many threads (Node): nothing of the caller is copied, no lock taken.
#pragma once

#include <sys/types.h>

#include <string>

#include "linux/unique-fd.h"
#include "runtime/named-fds.h"

namespace tsc {

/// The program of a tsrunc that makes a monitor of its own.
inline constexpr const char* kOwnProgram = "/proc/self/exe";

/// A monitor that waits for its plan. Unless it is sent one and released, the destructor makes it go and reaps it.
class MonitorProcess {
 public:
  /// What it will do with what it is sent: clone by a plan, or restore from images (runtime/monitored-restore.h).
  enum class Kind { cloning, restoring };

  /// The spare one, where there is one. Else vfork and execve of `program` as "tsrunc monitor" or "tsrunc
  /// restore-monitor", with 0-2 on /dev/null, an empty environment and all signals blocked.
  explicit MonitorProcess(const std::string& program, Kind kind = Kind::cloning);
  ~MonitorProcess();
  MonitorProcess(const MonitorProcess&) = delete;
  MonitorProcess& operator=(const MonitorProcess&) = delete;

  pid_t pid() const { return pid_; }
  /// Our end: reports come here.
  int channel() const { return channel_.get(); }

  /// `exit_write`, `exit_read`, `directory`: as the numbers in child/plan.h.
  void send_plan(int plan, int exit_write, int exit_read, int directory, const NamedFds& named);

  /// It has taken up its work: from now on whichever verb runs next reaps it.
  UniqueFd release();

 private:
  pid_t pid_ = 0;
  UniqueFd channel_;
};

/// Has a monitor of `program` wait for the next verb that needs one: its start-up (1 to 2 ms) is then in nobody's way.
/// At most one waits; it goes with this process.
void keep_spare_monitor(const std::string& program);

/// Reaps every released monitor that has ended.
void reap_children() noexcept;

}  // namespace tsc
