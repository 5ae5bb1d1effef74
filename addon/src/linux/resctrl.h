// Groups of the resctrl file system, which share out cache and memory bandwidth (Intel RDT). Used by create, exec, update,
// delete and events. kernel: filesystems/resctrl; runtime-spec config-linux.md, "IntelRdt"
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "oci/config.h"

namespace tsc {

/// A container's group, as state.json keeps it. All empty: it has none.
struct ResctrlGroup {
  std::string path;
  std::string monitor_path;  // a group that only counts, below `path`; "" without enableMonitoring
  bool is_ours = false;      // made by us and by nobody's name: goes with the container

  bool exists() const { return !path.empty(); }
};

/// Where resctrl is mounted; "" when it is not.
std::string find_resctrl();

/// Makes or finds the group and writes its schemata. `root` "": find_resctrl(). Throws; then nothing of it is left.
ResctrlGroup create_resctrl_group(const std::string& root, const std::string& id, const oci::IntelRdt& wanted);
/// update's part: writes the schemata, "" is left as it is.
void write_resctrl_schemata(const ResctrlGroup& group, const std::string& l3_cache, const std::string& memory_bandwidth);
/// Moves processes that run already.
void enter_resctrl_group(const ResctrlGroup& group, const std::vector<pid_t>& pids);
void remove_resctrl_group(const ResctrlGroup& group);

struct ResctrlStats {
  std::map<std::string, std::string> cache_info, bandwidth_info;  // file of info/ -> content
  std::string cache_schema_root, cache_schema, bandwidth_schema_root, bandwidth_schema;
  /// One for each cache, in the order of their numbers.
  struct Node {
    std::optional<std::uint64_t> occupancy, total_bytes, local_bytes;
  };
  std::vector<Node> nodes;
};
ResctrlStats read_resctrl_stats(const ResctrlGroup& group);

}  // namespace tsc
