// Control groups, version 2. The specification's limits are v1's words; they are converted as runc and crun do.
// kernel: admin-guide/cgroup-v2
#include <poll.h>

#include <algorithm>
#include <cstdlib>
#include <sstream>

#include "linux/cgroup-versions.h"
#include "linux/device-filter.h"
#include "linux/error.h"
#include "linux/file.h"

namespace tsc::cgroup_v2 {
namespace {

constexpr const char* kStep = "set limits";
constexpr int kFreezeTries = 500;

void set(const std::string& path, const std::string& file, const std::string& value) {
  write_file(kStep, path + "/" + file, value);
}

std::string or_max(std::int64_t value) { return value < 0 ? "max" : std::to_string(value); }

/// cpu.shares 2..262144 -> cpu.weight 1..10000
std::uint64_t weight_from_shares(std::uint64_t shares) {
  const std::uint64_t bounded = std::clamp<std::uint64_t>(shares, 2, 262144);
  return 1 + (bounded - 2) * 9999 / 262142;
}

void apply_memory(const std::string& path, const oci::Resources& resources) {
  const auto& memory = resources.memory;
  if (memory.swap && *memory.swap != 0) {
    // v1's swap limit counts memory as well, v2's does not.
    if (*memory.swap > 0 && !memory.limit) throw_invalid(kStep, "linux.resources.memory.swap: needs memory.limit too");
    const std::int64_t limit = memory.limit.value_or(0);
    if (*memory.swap > 0 && *memory.swap < limit)
      throw_invalid(kStep, "linux.resources.memory.swap: below memory.limit");
    const std::string value = *memory.swap < 0 ? "max" : std::to_string(*memory.swap - limit);
    if (path_exists(path + "/memory.swap.max")) set(path, "memory.swap.max", value);
  }
  if (memory.limit && *memory.limit != 0) set(path, "memory.max", or_max(*memory.limit));
  if (memory.reservation && *memory.reservation != 0) set(path, "memory.low", or_max(*memory.reservation));
}

void apply_cpu(const std::string& path, const oci::Resources& resources) {
  const auto& cpu = resources.cpu;
  if (cpu.idle) set(path, "cpu.idle", std::to_string(*cpu.idle));
  if (cpu.shares && *cpu.shares != 0 && cpu.idle.value_or(0) == 0) {
    set(path, "cpu.weight", std::to_string(weight_from_shares(*cpu.shares)));
  }
  const bool has_quota = cpu.quota && *cpu.quota != 0;
  const bool has_period = cpu.period && *cpu.period != 0;
  if (has_quota || has_period) {
    set(path, "cpu.max",
        or_max(cpu.quota && *cpu.quota > 0 ? *cpu.quota : -1) + " " +
            std::to_string(has_period ? *cpu.period : 100000));
  }
  if (cpu.burst) set(path, "cpu.max.burst", std::to_string(*cpu.burst));
  if (!cpu.cpus.empty()) set(path, "cpuset.cpus", cpu.cpus);
  if (!cpu.mems.empty()) set(path, "cpuset.mems", cpu.mems);
}

void apply_block_io(const std::string& path, const oci::Resources& resources) {
  const auto& block_io = resources.block_io;
  if (block_io.weight && *block_io.weight != 0) {
    const bool has_bfq = path_exists(path + "/io.bfq.weight");
    const std::uint64_t weight = *block_io.weight;
    // io.weight runs from 1 to 10000 where v1's runs from 10 to 1000.
    const std::uint64_t converted =
        has_bfq ? weight : 1 + (std::clamp<std::uint64_t>(weight, 10, 1000) - 10) * 9999 / 990;
    set(path, has_bfq ? "io.bfq.weight" : "io.weight", std::to_string(converted));
  }
  const auto throttle = [&](const std::vector<oci::ThrottleDevice>& devices, const char* key) {
    for (const oci::ThrottleDevice& device : devices) {
      set(path, "io.max",
          std::to_string(device.major) + ":" + std::to_string(device.minor) + " " + key + "=" +
              (device.rate == 0 ? "max" : std::to_string(device.rate)));
    }
  };
  throttle(block_io.read_bps, "rbps");
  throttle(block_io.write_bps, "wbps");
  throttle(block_io.read_iops, "riops");
  throttle(block_io.write_iops, "wiops");
}

std::map<std::string, std::uint64_t> read_table(const std::string& path) {
  std::map<std::string, std::uint64_t> table;
  std::string content;
  if (!try_read_file(path, content)) return table;
  std::istringstream words(content);
  std::string key;
  std::uint64_t value;
  while (words >> key >> value) table[key] = value;
  return table;
}

std::uint64_t read_number(const std::string& path, std::uint64_t when_max) {
  std::string content;
  if (!try_read_file(path, content)) return 0;
  return content.rfind("max", 0) == 0 ? when_max : std::strtoull(content.c_str(), nullptr, 10);
}

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

void enable_controllers(const std::string& mount_point, const std::string& path) {
  std::string available;
  size_t end = mount_point.size();
  for (;;) {
    const std::string directory = path.substr(0, end);
    if (directory == path) return;
    if (try_read_file(directory + "/cgroup.controllers", available)) {
      std::istringstream words(available);
      std::string word;
      // One by one: a controller that cannot be turned on here must not keep the others off. What is really needed
      // and missing shows when its limit is written.
      while (words >> word) try_write_file(directory + "/cgroup.subtree_control", "+" + word);
    }
    end = path.find('/', end + 1);
    if (end == std::string::npos) return;
  }
}

void apply(const std::string& path, const oci::Resources& resources) {
  apply_memory(path, resources);
  apply_cpu(path, resources);
  if (resources.pids_limit && *resources.pids_limit != 0) set(path, "pids.max", or_max(*resources.pids_limit));
  apply_block_io(path, resources);
  for (const auto& [size, limit] : resources.hugepage_limits)
    set(path, "hugetlb." + size + ".max", std::to_string(limit));
  for (const auto& [file, value] : resources.unified) {
    if (file.find('/') != std::string::npos)
      throw_invalid(kStep, "linux.resources.unified: " + file + " is not a file name");
    set(path, file, value);
  }
  if (!resources.devices.empty()) attach_device_filter(path, resources.devices);
}

void freeze(const std::string& path, bool is_wanted_frozen) {
  write_file("freeze cgroup", path + "/cgroup.freeze", is_wanted_frozen ? "1" : "0");
  for (int attempt = 0; attempt < kFreezeTries; ++attempt) {
    if (read_table(path + "/cgroup.events")["frozen"] == (is_wanted_frozen ? 1u : 0u)) return;
    ::poll(nullptr, 0, attempt < 20 ? 1 : 10);
  }
  try_write_file(path + "/cgroup.freeze", "0");
  throw_errno(EBUSY, "freeze cgroup", "write", path + "/cgroup.freeze");
}

bool is_frozen(const std::string& path) {
  std::string content;
  return try_read_file(path + "/cgroup.freeze", content) && content.rfind("1", 0) == 0;
}

ContainerStats read_stats(const std::string& path) {
  constexpr std::uint64_t kNoLimit = 0x7ffffffffffff000;
  ContainerStats stats;
  stats.version = 2;
  auto cpu = read_table(path + "/cpu.stat");
  stats.cpu.usage_ns = cpu["usage_usec"] * 1000;
  stats.cpu.user_ns = cpu["user_usec"] * 1000;
  stats.cpu.system_ns = cpu["system_usec"] * 1000;
  stats.cpu.periods = cpu["nr_periods"];
  stats.cpu.throttled_periods = cpu["nr_throttled"];
  stats.cpu.throttled_ns = cpu["throttled_usec"] * 1000;
  stats.memory.usage_bytes = read_number(path + "/memory.current", 0);
  stats.memory.max_usage_bytes = read_number(path + "/memory.peak", 0);
  stats.memory.limit_bytes = read_number(path + "/memory.max", kNoLimit);
  stats.memory.failcnt = read_table(path + "/memory.events")["max"];
  stats.memory.swap_usage_bytes = read_number(path + "/memory.swap.current", 0);
  stats.memory.stat = read_table(path + "/memory.stat");
  stats.pids.current = read_number(path + "/pids.current", 0);
  stats.pids.limit = read_number(path + "/pids.max", 0);
  read_block_io(path, stats.blkio);
  return stats;
}

}  // namespace tsc::cgroup_v2
