// state: see the headers.
#include "runtime/status.h"

#include "linux/error.h"
#include "linux/file.h"
#include "linux/pidfd.h"
#include "runtime/runtime.h"

namespace tsc {

std::string container_status(const StateStore& store, const ContainerRecord& record) {
  const ProcessRecord& process = record.process;
  if (process.pid == 0) return "creating";
  if (!is_process_running(process.pid, process.start_time)) return "stopped";
  if (path_exists(store.directory(record.id) + "/exec.fifo")) return "created";
  return is_cgroup_frozen(record.cgroup) ? "paused" : "running";
}

ContainerState container_state(const RuntimeConfig& config, const std::string& id) {
  try {
    const StateStore store(config.root);
    const ContainerRecord record = store.load(id);
    const std::string status = container_status(store, record);
    const pid_t pid = status == "stopped" ? 0 : record.process.pid;
    return {record.oci_version, record.id,          status,        pid,
            record.bundle,      record.annotations, record.rootfs, record.created};
  } catch (const RuntimeError& error) {
    throw error.within("state of container " + id);
  }
}

}  // namespace tsc
