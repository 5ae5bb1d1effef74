// kill, pause, resume: what is done to running processes.
#include <signal.h>

#include "linux/error.h"
#include "linux/pidfd.h"
#include "runtime/status.h"

namespace tsc {
namespace {

void signal_one(const StateStore& store, const ContainerRecord& record, const std::string& exec_id, int signal) {
  const ProcessRecord process = exec_id.empty() ? record.process : store.load_process(record.id, exec_id);
  const UniqueFd pidfd = open_recorded_process(process.pid, process.start_time);
  const bool is_sent =
      pidfd && is_process_running(process.pid, process.start_time) && signal_process(pidfd.get(), signal);
  if (is_sent) return;
  if (!pidfd || errno == ESRCH || errno == 0 || !is_process_running(process.pid, process.start_time)) {
    throw RuntimeError("", "", "pidfd_send_signal", ESRCH, "",
                       exec_id.empty() ? "container not running: the process has ended" : "the process has ended",
                       Reason::wrong_state);
  }
  throw_errno("kill", "pidfd_send_signal");
}

}  // namespace

void kill_process(const RuntimeConfig& config, const std::string& id, const std::string& exec_id, int signal,
                  bool all) {
  try {
    if (signal < 0 || signal > 64) throw_invalid("kill", "no signal " + std::to_string(signal));
    const StateStore store(config.root);
    const ContainerRecord record = store.load(id);
    if (all) {
      signal_cgroup(record.cgroup, signal);
    } else {
      signal_one(store, record, exec_id, signal);
    }
    // A frozen process takes no signal before it is thawed; for the one that cannot wait, do so (v1 only).
    if (signal == SIGKILL && record.cgroup.version == 1 && is_cgroup_frozen(record.cgroup))
      freeze_cgroup(record.cgroup, false);
  } catch (const RuntimeError& error) {
    throw error.within("kill container " + id);
  }
}

void pause_container(const RuntimeConfig& config, const std::string& id) {
  try {
    const StateStore store(config.root);
    const ContainerRecord record = store.load(id);
    const std::string status = container_status(store, record);
    if (status != "running" && status != "created") {
      throw RuntimeError("", "", "", 0, "", "container not running or created: " + status, Reason::wrong_state);
    }
    freeze_cgroup(record.cgroup, true);
  } catch (const RuntimeError& error) {
    throw error.within("pause container " + id);
  }
}

void resume_container(const RuntimeConfig& config, const std::string& id) {
  try {
    const StateStore store(config.root);
    const ContainerRecord record = store.load(id);
    if (!is_cgroup_frozen(record.cgroup)) {
      throw RuntimeError("", "", "", 0, "", "container not paused", Reason::wrong_state);
    }
    freeze_cgroup(record.cgroup, false);
  } catch (const RuntimeError& error) {
    throw error.within("resume container " + id);
  }
}

}  // namespace tsc
