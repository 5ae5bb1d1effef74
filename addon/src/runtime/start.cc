// start: lets a created container's init run its command.
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>

#include "child/plan.h"
#include "linux/error.h"
#include "linux/file.h"
#include "linux/pidfd.h"
#include "runtime/hooks.h"
#include "runtime/launch.h"
#include "runtime/state-store.h"
#include "runtime/status.h"

namespace tsc {
namespace {

constexpr int kExecuteTimeoutMs = 10000;
constexpr int kKillTimeoutMs = 10000;

/// Only one start wins the rename; it then owns the fifo.
std::string claim_fifo(const StateStore& store, const ContainerRecord& record, const std::string& directory) {
  const std::string fifo = directory + "/exec.fifo";
  const std::string claimed = directory + "/started.fifo";
  if (rename(fifo.c_str(), claimed.c_str()) == 0) return claimed;
  if (errno == ENOENT) {
    const bool has_stopped = container_status(store, record) == "stopped";
    throw RuntimeError("", "start", "", 0, "",
                       has_stopped ? "cannot start a container that has stopped"
                                   : "cannot start an already running container: it has been started already",
                       Reason::wrong_state);
  }
  throw_errno("claim exec.fifo", "rename", fifo);
}

/// Without a monitor: waits until init has left the fifo. By its end it may have left word there of what failed.
void wait_for_execute(int fifo, std::vector<RuntimeStep>& steps) {
  pollfd watched = {fifo, 0, 0};
  ::poll(&watched, 1, kExecuteTimeoutMs);
  const UniqueFd reader = try_open_file("/proc/self/fd/" + std::to_string(fifo), O_RDONLY | O_NONBLOCK);
  child::Report report = {};
  const ssize_t size = reader ? read(reader.get(), &report, sizeof report) : 0;
  if (size < static_cast<ssize_t>(offsetof(child::Report, steps)) || report.kind != child::ReportKind::failed) return;
  append_steps(steps, report, nullptr);
  throw to_error(report, nullptr);
}

/// By the specification a poststart hook that fails stops the container.
void run_poststart(const ContainerRecord& record) {
  try {
    run_poststart_hooks(record);
  } catch (const RuntimeError&) {
    const UniqueFd init = open_recorded_process(record.process.pid, record.process.start_time);
    if (init && signal_process(init.get(), SIGKILL)) wait_for_end(init.get(), kKillTimeoutMs);
    throw;
  }
}

/// Gives the fifo's write end: it shows POLLERR once init, by execve or by its end, has closed the read end.
UniqueFd release_init(const std::string& fifo) {
  // O_NONBLOCK: init holds the other end, and if init is gone the open must fail and not wait.
  UniqueFd fd = try_open_file(fifo, O_WRONLY | O_NONBLOCK);
  const int error = errno;
  unlink(fifo.c_str());
  if (!fd) throw RuntimeError("", "start", "open", error, "exec.fifo", "init has ended", Reason::wrong_state);
  if (write(fd.get(), "s", 1) != 1) throw_errno("start", "write", "exec.fifo");
  return fd;
}

}  // namespace

StartedProcess start_container(const RuntimeConfig& config, const std::string& id) {
  try {
    const StateStore store(config.root);
    const ContainerRecord record = store.load(id);
    const ProcessRecord& process = record.process;
    StartedProcess started;
    StepClock clock(started.steps);
    clock.begin("start init");
    UniqueFd channel;
    if (process.monitor_pid != 0) {
      const UniqueFd monitor = open_recorded_process(process.monitor_pid, process.monitor_start_time);
      if (!monitor) throw RuntimeError("", "start", "", 0, "", "its monitor has ended", Reason::wrong_state);
      // The monitor keeps a copy of our end of the channel: so any shim can start what another one created.
      channel = take_fd(monitor.get(), child::kMonitorPeerFd);
      if (!channel) throw_errno("start", "pidfd_getfd", "channel");
    }
    const UniqueFd fifo = release_init(claim_fifo(store, record, store.directory(id)));
    if (channel) {
      read_start_outcome(channel.get(), started.steps);
    } else {
      wait_for_execute(fifo.get(), started.steps);
    }
    if (!record.hooks.empty()) {
      clock.begin("poststart hooks");
      run_poststart(record);
    }
    clock.end();
    return started;
  } catch (const RuntimeError& error) {
    throw error.within("start container " + id);
  }
}

}  // namespace tsc
