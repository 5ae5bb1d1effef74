// Figures of version 2 groups, for the shim's metrics and for `events`. kernel: admin-guide/cgroup-v2
#include <sstream>

#include "linux/cgroup-files.h"
#include "linux/cgroup-versions.h"
#include "linux/file.h"

namespace tsc::cgroup_v2 {
namespace {

/// "8:0 rbytes=1 wbytes=2 rios=3 wios=4 ..."
void read_block_io(const std::string& path, std::vector<BlockIoEntry>& entries) {
  std::string content;
  if (!try_read_file(path + "/io.stat", content)) return;
  std::istringstream lines(content);
  std::string line;
  while (std::getline(lines, line)) {
    unsigned major, minor;
    unsigned long long read_bytes, write_bytes, reads, writes;
    if (sscanf(line.c_str(), "%u:%u rbytes=%llu wbytes=%llu rios=%llu wios=%llu", &major, &minor, &read_bytes,
               &write_bytes, &reads, &writes) != 6) {
      continue;
    }
    entries.push_back({"Read", major, minor, read_bytes, reads});
    entries.push_back({"Write", major, minor, write_bytes, writes});
  }
}

}  // namespace

ContainerStats read_stats(const std::string& path) {
  constexpr std::uint64_t kNoLimit = 0x7ffffffffffff000;
  ContainerStats stats;
  stats.version = 2;
  auto cpu = read_cgroup_table(path + "/cpu.stat");
  stats.cpu.usage_ns = cpu["usage_usec"] * 1000;
  stats.cpu.user_ns = cpu["user_usec"] * 1000;
  stats.cpu.system_ns = cpu["system_usec"] * 1000;
  stats.cpu.periods = cpu["nr_periods"];
  stats.cpu.throttled_periods = cpu["nr_throttled"];
  stats.cpu.throttled_ns = cpu["throttled_usec"] * 1000;
  stats.memory.usage_bytes = read_cgroup_number(path + "/memory.current");
  stats.memory.max_usage_bytes = read_cgroup_number(path + "/memory.peak");
  stats.memory.limit_bytes = read_cgroup_number(path + "/memory.max", kNoLimit);
  stats.memory.failcnt = read_cgroup_table(path + "/memory.events")["max"];
  stats.memory.swap_usage_bytes = read_cgroup_number(path + "/memory.swap.current");
  stats.memory.stat = read_cgroup_table(path + "/memory.stat");
  stats.pids.current = read_cgroup_number(path + "/pids.current");
  stats.pids.limit = read_cgroup_number(path + "/pids.max");
  read_block_io(path, stats.blkio);
  return stats;
}

ContainerDetails read_details(const std::string& path) {
  ContainerDetails details;
  details.cpuset.cpus = read_cgroup_list(path + "/cpuset.cpus");
  details.cpuset.mems = read_cgroup_list(path + "/cpuset.mems");
  // v1 counts memory and swap together, and that is what its readers expect under "swap".
  const std::uint64_t swap_limit = read_cgroup_number(path + "/memory.swap.max", UINT64_MAX);
  const std::uint64_t memory_limit = read_cgroup_number(path + "/memory.max", UINT64_MAX);
  const bool has_limit = swap_limit != UINT64_MAX && memory_limit != UINT64_MAX;
  details.swap.usage = read_cgroup_number(path + "/memory.swap.current") + read_cgroup_number(path + "/memory.current");
  details.swap.limit = has_limit ? swap_limit + memory_limit : UINT64_MAX;
  for (const std::string& size : huge_page_sizes()) {
    const std::string prefix = path + "/hugetlb." + size;
    if (!path_exists(prefix + ".current")) continue;
    details.huge_pages[size] = {read_cgroup_number(prefix + ".current"), 0, 0,
                                read_cgroup_table(prefix + ".events")["max"]};
  }
  return details;
}

}  // namespace tsc::cgroup_v2
