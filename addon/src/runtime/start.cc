// start: lets a created container's init run its command.
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>

#include "child/plan.h"
#include "linux/error.h"
#include "linux/file.h"
#include "linux/pidfd.h"
#include "runtime/launch.h"
#include "runtime/state-store.h"

namespace tsc {
namespace {

constexpr int kExecuteTimeoutMs = 10000;

/// Only one start wins the rename; it then owns the fifo.
std::string claim_fifo(const std::string& directory) {
  const std::string fifo = directory + "/exec.fifo";
  const std::string claimed = directory + "/started.fifo";
  if (rename(fifo.c_str(), claimed.c_str()) == 0) return claimed;
  if (errno == ENOENT) throw RuntimeError("", "start", "", 0, "", "it has been started already", Reason::wrong_state);
  throw_errno("claim exec.fifo", "rename", fifo);
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
    const UniqueFd fifo = release_init(claim_fifo(store.directory(id)));
    if (channel) {
      read_start_outcome(channel.get(), started.steps);
    } else {
      // Without a monitor nobody can tell how execve went, but when it is over can be seen.
      pollfd watched = {fifo.get(), 0, 0};
      ::poll(&watched, 1, kExecuteTimeoutMs);
    }
    clock.end();
    return started;
  } catch (const RuntimeError& error) {
    throw error.within("start container " + id);
  }
}

}  // namespace tsc
