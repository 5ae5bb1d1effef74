// pids, update, stats and memory events: questions to the container's cgroup.
#include "linux/error.h"
#include "linux/systemd-scope.h"
#include "runtime/state-store.h"
#include "runtime/status.h"

namespace tsc {

std::vector<pid_t> container_pids(const RuntimeConfig& config, const std::string& id) {
  try {
    const CgroupLocation cgroup = StateStore(config.root).load(id).cgroup;
    if (!cgroup.exists())
      throw RuntimeError("", "", "", 0, "", "it has no cgroup, which would list them: it was made without the right to one");
    return cgroup_pids(cgroup);
  } catch (const RuntimeError& error) {
    throw error.within("list processes of container " + id);
  }
}

Warnings update_container(const RuntimeConfig& config, const std::string& id, const std::string& resources_json) {
  try {
    const StateStore store(config.root);
    ContainerRecord record = store.load(id);
    if (container_status(store, record) == "stopped") {
      throw RuntimeError("", "update", "", 0, "", "container not running: stopped", Reason::wrong_state);
    }
    oci::Resources resources = oci::parse_resources(resources_json);
    resources.devices.clear();
    Warnings warnings;
    if (!record.cgroup.unit.empty()) update_scope(record.cgroup, resources);
    const size_t groups = record.cgroup.paths.size();
    // A group that was made for a limit holds the container's processes, whatever became of the limit: delete wants it.
    const auto save_new_groups = [&] {
      if (record.cgroup.paths.size() != groups) store.save(record);
    };
    try {
      apply_resources(record.cgroup, resources, store.cgroup_notes(), warnings);
    } catch (...) {
      save_new_groups();
      throw;
    }
    save_new_groups();
    return warnings;
  } catch (const RuntimeError& error) {
    throw error.within("update container " + id);
  }
}

void update_cache_schemata(const RuntimeConfig& config, const std::string& id, const std::string& l3_cache,
                           const std::string& memory_bandwidth) {
  try {
    const StateStore store(config.root);
    ContainerRecord record = store.load(id);
    if (record.resctrl.exists()) return write_resctrl_schemata(record.resctrl, l3_cache, memory_bandwidth);
    record.resctrl = create_resctrl_group(config.resctrl, id, {"", l3_cache, memory_bandwidth, {}, false});
    store.save(record);
    std::vector<pid_t> pids = cgroup_pids(record.cgroup);
    if (pids.empty()) pids = {record.process.pid};
    enter_resctrl_group(record.resctrl, pids);
  } catch (const RuntimeError& error) {
    throw error.within("update container " + id);
  }
}

ContainerStats container_stats(const RuntimeConfig& config, const std::string& id) {
  try {
    return read_cgroup_stats(StateStore(config.root).load(id).cgroup);
  } catch (const RuntimeError& error) {
    throw error.within("stats of container " + id);
  }
}

ContainerDetails container_details(const RuntimeConfig& config, const std::string& id) {
  try {
    return read_cgroup_details(StateStore(config.root).load(id).cgroup);
  } catch (const RuntimeError& error) {
    throw error.within("stats of container " + id);
  }
}

UniqueFd open_oom_events(const RuntimeConfig& config, const std::string& id) {
  try {
    return open_cgroup_oom_events(StateStore(config.root).load(id).cgroup);
  } catch (const RuntimeError& error) {
    throw error.within("watch memory of container " + id);
  }
}

bool acknowledge_oom(const RuntimeConfig& config, const std::string& id, int fd, std::uint64_t& known_kills) {
  try {
    return acknowledge_cgroup_oom(StateStore(config.root).load(id).cgroup, fd, known_kills);
  } catch (const RuntimeError& error) {
    // Woken by the container's removal.
    if (error.reason == Reason::not_found) return false;
    throw error.within("watch memory of container " + id);
  }
}

}  // namespace tsc
