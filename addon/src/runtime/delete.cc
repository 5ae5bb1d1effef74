// delete: nothing of the container remains but its root filesystem.
#include <signal.h>

#include "linux/error.h"
#include "linux/monitor-process.h"
#include "linux/pidfd.h"
#include "runtime/hooks.h"
#include "runtime/status.h"

namespace tsc {
namespace {

constexpr int kKillTimeoutMs = 10000;

/// SIGKILL for init; its pid namespace goes with it. Waits for the end, so that the cgroup can be removed.
void kill_init(const ContainerRecord& record) {
  const UniqueFd pidfd = open_recorded_process(record.process.pid, record.process.start_time);
  if (!pidfd) return;
  signal_process(pidfd.get(), SIGKILL);
  if (record.cgroup.version == 1 && is_cgroup_frozen(record.cgroup)) freeze_cgroup(record.cgroup, false);
  if (!wait_for_end(pidfd.get(), kKillTimeoutMs)) throw_errno(ETIMEDOUT, "kill init", "poll");
}

}  // namespace

Warnings delete_container(const RuntimeConfig& config, const std::string& id, bool force) {
  try {
    const StateStore store(config.root);
    ContainerRecord record;
    try {
      record = store.load(id);
    } catch (const RuntimeError& error) {
      if (!force || error.reason != Reason::not_found) throw;
      store.remove_unborn(id);
      return {};
    }
    const std::string status = container_status(store, record);
    if (status != "stopped" && status != "created" && status != "creating" && !force) {
      throw RuntimeError("", "", "", 0, "", "cannot delete container " + id + " that is not stopped: " + status,
                         Reason::wrong_state);
    }
    if (status != "stopped") kill_init(record);
    // Without a pid namespace of its own a container may leave processes behind, and a creation that was killed an init
    // that nobody has noted. Those in a shared group are others'.
    if (!record.cgroup.is_shared && !cgroup_pids(record.cgroup).empty()) signal_cgroup(record.cgroup, SIGKILL);
    store.wait_for_root(id);  // only now: what still runs in there holds it
    remove_cgroup(record.cgroup, store.cgroup_notes());
    remove_resctrl_group(record.resctrl);
    store.remove(id);
    reap_children();
    return record.hooks.empty() ? Warnings() : run_poststop_hooks(record);
  } catch (const RuntimeError& error) {
    throw error.within("delete container " + id);
  }
}

}  // namespace tsc
