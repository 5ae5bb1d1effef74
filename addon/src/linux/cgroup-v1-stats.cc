// Figures of version 1 groups, for the shim's metrics and for `events`. kernel: admin-guide/cgroup-v1
#include <algorithm>
#include <sstream>

#include "linux/cgroup-files.h"
#include "linux/cgroup-versions.h"
#include "linux/file.h"

namespace tsc::cgroup_v1 {
namespace {

void read_cpu(const CgroupLocation& location, ContainerStats& stats) {
  constexpr std::uint64_t kTickNs = 10000000;  // USER_HZ is 100 on every architecture we know
  if (const std::string path = location.find("cpuacct"); !path.empty()) {
    stats.cpu.usage_ns = read_cgroup_number(path + "/cpuacct.usage");
    auto table = read_cgroup_table(path + "/cpuacct.stat");
    stats.cpu.user_ns = table["user"] * kTickNs;
    stats.cpu.system_ns = table["system"] * kTickNs;
    std::string content;
    try_read_file(path + "/cpuacct.usage_percpu", content);
    std::istringstream numbers(content);
    std::uint64_t value;
    while (numbers >> value) stats.cpu.per_cpu_ns.push_back(value);
  }
  if (const std::string path = location.find("cpu"); !path.empty()) {
    auto table = read_cgroup_table(path + "/cpu.stat");
    stats.cpu.periods = table["nr_periods"];
    stats.cpu.throttled_periods = table["nr_throttled"];
    stats.cpu.throttled_ns = table["throttled_time"];
  }
}

void read_memory(const CgroupLocation& location, ContainerStats& stats) {
  const std::string path = location.find("memory");
  if (path.empty()) return;
  stats.memory.usage_bytes = read_cgroup_number(path + "/memory.usage_in_bytes");
  stats.memory.max_usage_bytes = read_cgroup_number(path + "/memory.max_usage_in_bytes");
  stats.memory.limit_bytes = read_cgroup_number(path + "/memory.limit_in_bytes");
  stats.memory.failcnt = read_cgroup_number(path + "/memory.failcnt");
  stats.memory.stat = read_cgroup_table(path + "/memory.stat");
  const std::uint64_t with_swap = read_cgroup_number(path + "/memory.memsw.usage_in_bytes");
  stats.memory.swap_usage_bytes = with_swap > stats.memory.usage_bytes ? with_swap - stats.memory.usage_bytes : 0;
}

/// "8:0 Read 4096" lines; bytes and operations come from two files of the same shape.
void read_block_io_file(const std::string& path, bool is_bytes, std::vector<BlockIoEntry>& entries) {
  std::string content;
  if (!try_read_file(path, content)) return;
  std::istringstream lines(content);
  std::string line;
  while (std::getline(lines, line)) {
    unsigned major, minor;
    char op[32];
    unsigned long long value;
    if (sscanf(line.c_str(), "%u:%u %31s %llu", &major, &minor, op, &value) != 4) continue;
    auto found = std::find_if(entries.begin(), entries.end(), [&](const BlockIoEntry& entry) {
      return entry.op == op && entry.major == major && entry.minor == minor;
    });
    if (found == entries.end()) found = entries.insert(entries.end(), {op, major, minor, 0, 0});
    (is_bytes ? found->bytes : found->operations) = value;
  }
}

MemoryFigures read_memory_figures(const std::string& prefix) {
  return {read_cgroup_number(prefix + "usage_in_bytes"), read_cgroup_number(prefix + "limit_in_bytes"),
          read_cgroup_number(prefix + "max_usage_in_bytes"), read_cgroup_number(prefix + "failcnt")};
}

void read_cpuset(const CgroupLocation& location, ContainerDetails& details) {
  const std::string path = location.find("cpuset");
  if (path.empty()) return;
  auto& cpuset = details.cpuset;
  const auto number = [&path](const char* file) { return read_cgroup_number(path + "/cpuset." + file); };
  cpuset.cpus = read_cgroup_list(path + "/cpuset.cpus");
  cpuset.mems = read_cgroup_list(path + "/cpuset.mems");
  cpuset.cpu_exclusive = number("cpu_exclusive");
  cpuset.mem_exclusive = number("mem_exclusive");
  cpuset.mem_hardwall = number("mem_hardwall");
  cpuset.memory_migrate = number("memory_migrate");
  cpuset.memory_spread_page = number("memory_spread_page");
  cpuset.memory_spread_slab = number("memory_spread_slab");
  cpuset.memory_pressure = number("memory_pressure");
  cpuset.sched_load_balance = number("sched_load_balance");
  std::string level;
  if (try_read_file(path + "/cpuset.sched_relax_domain_level", level))
    cpuset.sched_relax_domain_level = std::strtoll(level.c_str(), nullptr, 10);
}

/// "cpu user system" lines below a heading.
void read_cpu_halves(const CgroupLocation& location, ContainerDetails& details) {
  std::string content;
  const std::string path = location.find("cpuacct");
  if (path.empty() || !try_read_file(path + "/cpuacct.usage_all", content)) return;
  std::istringstream lines(content);
  std::string heading;
  std::getline(lines, heading);
  std::uint64_t cpu, user, system;
  while (lines >> cpu >> user >> system) {
    details.per_cpu_user_ns.push_back(user);
    details.per_cpu_system_ns.push_back(system);
  }
}

}  // namespace

ContainerStats read_stats(const CgroupLocation& location) {
  ContainerStats stats;
  stats.version = 1;
  read_cpu(location, stats);
  read_memory(location, stats);
  if (const std::string path = location.find("pids"); !path.empty()) {
    stats.pids.current = read_cgroup_number(path + "/pids.current");
    stats.pids.limit = read_cgroup_number(path + "/pids.max");  // "max" reads as 0
  }
  if (const std::string path = location.find("blkio"); !path.empty()) {
    read_block_io_file(path + "/blkio.throttle.io_service_bytes", true, stats.blkio);
    read_block_io_file(path + "/blkio.throttle.io_serviced", false, stats.blkio);
  }
  return stats;
}

ContainerDetails read_details(const CgroupLocation& location) {
  ContainerDetails details;
  read_cpuset(location, details);
  read_cpu_halves(location, details);
  if (const std::string path = location.find("memory"); !path.empty()) {
    details.swap = read_memory_figures(path + "/memory.memsw.");
    details.kernel = read_memory_figures(path + "/memory.kmem.");
    details.kernel_tcp = read_memory_figures(path + "/memory.kmem.tcp.");
  }
  if (const std::string path = location.find("hugetlb"); !path.empty()) {
    for (const std::string& size : huge_page_sizes()) {
      const std::string prefix = path + "/hugetlb." + size + ".";
      details.huge_pages[size] = {read_cgroup_number(prefix + "usage_in_bytes"), 0,
                                  read_cgroup_number(prefix + "max_usage_in_bytes"),
                                  read_cgroup_number(prefix + "failcnt")};
    }
  }
  return details;
}

}  // namespace tsc::cgroup_v1
