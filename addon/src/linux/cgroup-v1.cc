// Control groups, version 1: which hierarchies, their limits, the freezer, figures. kernel: admin-guide/cgroup-v1
#include <fcntl.h>
#include <poll.h>

#include <algorithm>
#include <cstdlib>
#include <sstream>

#include "linux/cgroup-versions.h"
#include "linux/error.h"
#include "linux/file.h"

namespace tsc::cgroup_v1 {
namespace {

constexpr const char* kStep = "set limits";
constexpr int kFreezeTries = 500;

/// Writes `value` into the controller's file; without the controller a limit cannot be kept, so that is an error.
void set(const CgroupLocation& location, const char* controller, const char* file, const std::string& value) {
  const std::string path = location.find(controller);
  if (path.empty()) {
    throw RuntimeError("", kStep, "", ENOTSUP, file, std::string("this machine has no ") + controller + " controller");
  }
  write_file(kStep, path + "/" + file, value);
}

std::string rule_text(const oci::DeviceRule& rule) {
  const auto number = [](std::int64_t value) { return value < 0 ? std::string("*") : std::to_string(value); };
  return std::string(1, rule.type) + " " + number(rule.major) + ":" + number(rule.minor) + " " + rule.access;
}

/// One write per rule is the interface; one open for all of them is enough.
void apply_devices(const CgroupLocation& location, const oci::Resources& resources) {
  if (resources.devices.empty()) return;
  const std::string path = location.find("devices");
  if (path.empty()) throw RuntimeError("", kStep, "", ENOTSUP, "devices", "this machine has no devices controller");
  const UniqueFd allow = open_file(kStep, path + "/devices.allow", O_WRONLY);
  const UniqueFd deny = open_file(kStep, path + "/devices.deny", O_WRONLY);
  for (const oci::DeviceRule& rule : resources.devices) {
    const std::string text = rule_text(rule);
    const UniqueFd& file = rule.allow ? allow : deny;
    if (write(file.get(), text.data(), text.size()) < 0) {
      throw_errno(kStep, "write", path + (rule.allow ? "/devices.allow: " : "/devices.deny: ") + text);
    }
  }
}

/// memory.memsw must never be below memory.limit, so the order depends on whether the limit grows.
void apply_memory(const CgroupLocation& location, const oci::Resources& resources) {
  const auto& memory = resources.memory;
  const std::string path = location.find("memory");
  const bool has_swap = memory.swap && *memory.swap != 0;
  const bool has_swap_account = path_exists(path + "/memory.memsw.limit_in_bytes");
  const auto set_limit = [&] {
    if (memory.limit && *memory.limit != 0)
      set(location, "memory", "memory.limit_in_bytes", std::to_string(*memory.limit));
  };
  const auto set_swap = [&] {
    if (has_swap && has_swap_account)
      set(location, "memory", "memory.memsw.limit_in_bytes", std::to_string(*memory.swap));
  };
  std::string present;
  const bool grows = has_swap_account && try_read_file(path + "/memory.memsw.limit_in_bytes", present) && has_swap &&
                     memory.limit && (*memory.swap == -1 || std::strtoll(present.c_str(), nullptr, 10) < *memory.limit);
  if (grows) set_swap();
  set_limit();
  if (!grows) set_swap();
  if (memory.reservation && *memory.reservation != 0) {
    set(location, "memory", "memory.soft_limit_in_bytes", std::to_string(*memory.reservation));
  }
  if (memory.swappiness) set(location, "memory", "memory.swappiness", std::to_string(*memory.swappiness));
  if (memory.disable_oom_killer.value_or(false)) set(location, "memory", "memory.oom_control", "1");
}

void apply_cpu(const CgroupLocation& location, const oci::Resources& resources) {
  const auto& cpu = resources.cpu;
  if (cpu.shares && *cpu.shares != 0) set(location, "cpu", "cpu.shares", std::to_string(*cpu.shares));
  if (cpu.period && *cpu.period != 0) set(location, "cpu", "cpu.cfs_period_us", std::to_string(*cpu.period));
  if (cpu.quota && *cpu.quota != 0) set(location, "cpu", "cpu.cfs_quota_us", std::to_string(*cpu.quota));
  if (cpu.burst) set(location, "cpu", "cpu.cfs_burst_us", std::to_string(*cpu.burst));
  if (cpu.realtime_period && *cpu.realtime_period != 0)
    set(location, "cpu", "cpu.rt_period_us", std::to_string(*cpu.realtime_period));
  if (cpu.realtime_runtime && *cpu.realtime_runtime != 0)
    set(location, "cpu", "cpu.rt_runtime_us", std::to_string(*cpu.realtime_runtime));
  if (cpu.idle) set(location, "cpu", "cpu.idle", std::to_string(*cpu.idle));
  if (!cpu.cpus.empty()) set(location, "cpuset", "cpuset.cpus", cpu.cpus);
  if (!cpu.mems.empty()) set(location, "cpuset", "cpuset.mems", cpu.mems);
}

void apply_block_io(const CgroupLocation& location, const oci::Resources& resources) {
  const auto& block_io = resources.block_io;
  if (block_io.weight && *block_io.weight != 0) {
    const bool has_bfq = path_exists(location.find("blkio") + "/blkio.bfq.weight");
    set(location, "blkio", has_bfq ? "blkio.bfq.weight" : "blkio.weight", std::to_string(*block_io.weight));
  }
  const auto throttle = [&](const std::vector<oci::ThrottleDevice>& devices, const char* file) {
    for (const oci::ThrottleDevice& device : devices) {
      set(location, "blkio", file,
          std::to_string(device.major) + ":" + std::to_string(device.minor) + " " + std::to_string(device.rate));
    }
  };
  throttle(block_io.read_bps, "blkio.throttle.read_bps_device");
  throttle(block_io.write_bps, "blkio.throttle.write_bps_device");
  throttle(block_io.read_iops, "blkio.throttle.read_iops_device");
  throttle(block_io.write_iops, "blkio.throttle.write_iops_device");
}

std::uint64_t read_number(const std::string& path) {
  std::string content;
  return try_read_file(path, content) ? std::strtoull(content.c_str(), nullptr, 10) : 0;
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

void read_cpu(const CgroupLocation& location, ContainerStats& stats) {
  constexpr std::uint64_t kTickNs = 10000000;  // USER_HZ is 100 on every architecture we know
  if (const std::string path = location.find("cpuacct"); !path.empty()) {
    stats.cpu.usage_ns = read_number(path + "/cpuacct.usage");
    auto table = read_table(path + "/cpuacct.stat");
    stats.cpu.user_ns = table["user"] * kTickNs;
    stats.cpu.system_ns = table["system"] * kTickNs;
    std::string content;
    try_read_file(path + "/cpuacct.usage_percpu", content);
    std::istringstream numbers(content);
    std::uint64_t value;
    while (numbers >> value) stats.cpu.per_cpu_ns.push_back(value);
  }
  if (const std::string path = location.find("cpu"); !path.empty()) {
    auto table = read_table(path + "/cpu.stat");
    stats.cpu.periods = table["nr_periods"];
    stats.cpu.throttled_periods = table["nr_throttled"];
    stats.cpu.throttled_ns = table["throttled_time"];
  }
}

void read_memory(const CgroupLocation& location, ContainerStats& stats) {
  const std::string path = location.find("memory");
  if (path.empty()) return;
  stats.memory.usage_bytes = read_number(path + "/memory.usage_in_bytes");
  stats.memory.max_usage_bytes = read_number(path + "/memory.max_usage_in_bytes");
  stats.memory.limit_bytes = read_number(path + "/memory.limit_in_bytes");
  stats.memory.failcnt = read_number(path + "/memory.failcnt");
  stats.memory.stat = read_table(path + "/memory.stat");
  const std::uint64_t with_swap = read_number(path + "/memory.memsw.usage_in_bytes");
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

}  // namespace

bool is_wanted(const CgroupHierarchy& hierarchy, const oci::Resources& resources) {
  CgroupLocation one;
  one.paths[hierarchy.controllers] = "x";
  const auto has = [&one](const char* controller) { return !one.find(controller).empty(); };
  // For figures, limits that may come later, pause, and killing everything.
  for (const char* always : {"memory", "cpu", "cpuacct", "pids", "freezer", "blkio"}) {
    if (has(always)) return true;
  }
  if (has("devices")) return !resources.devices.empty();
  if (has("cpuset")) return !resources.cpu.cpus.empty() || !resources.cpu.mems.empty();
  if (has("hugetlb")) return !resources.hugepage_limits.empty();
  return false;
}

void initialize(const CgroupHierarchy& hierarchy, const std::string& path) {
  if (hierarchy.controllers.find("cpuset") == std::string::npos) return;
  // A new cpuset is empty, and no process may enter it before it has the parent's cpus and nodes.
  const std::string parent = path.substr(0, path.find_last_of('/'));
  for (const char* file : {"/cpuset.cpus", "/cpuset.mems"}) {
    std::string own, inherited;
    if (try_read_file(path + file, own) && own.size() > 1) continue;
    if (try_read_file(parent + file, inherited)) write_file("create cgroup", path + file, inherited);
  }
}

void apply(const CgroupLocation& location, const oci::Resources& resources) {
  apply_devices(location, resources);
  apply_memory(location, resources);
  apply_cpu(location, resources);
  if (resources.pids_limit && *resources.pids_limit != 0) {
    const std::int64_t limit = *resources.pids_limit;
    set(location, "pids", "pids.max", limit < 0 ? "max" : std::to_string(limit));
  }
  apply_block_io(location, resources);
  for (const auto& [size, limit] : resources.hugepage_limits) {
    set(location, "hugetlb", ("hugetlb." + size + ".limit_in_bytes").c_str(), std::to_string(limit));
  }
  if (!resources.unified.empty()) {
    throw RuntimeError("", kStep, "", ENOTSUP, "", "linux.resources.unified needs cgroup v2", Reason::invalid_argument);
  }
}

void freeze(const std::string& path, bool is_wanted_frozen) {
  const char* wanted = is_wanted_frozen ? "FROZEN" : "THAWED";
  const std::string file = path + "/freezer.state";
  for (int attempt = 0; attempt < kFreezeTries; ++attempt) {
    // FREEZING may hang on a process that forks: the kernel wants the word again.
    write_file("freeze cgroup", file, wanted);
    if (read_file("freeze cgroup", file).rfind(wanted, 0) == 0) return;
    ::poll(nullptr, 0, attempt < 20 ? 1 : 10);
  }
  try_write_file(file, "THAWED");
  throw_errno(EBUSY, "freeze cgroup", "write", file);
}

bool is_frozen(const std::string& path) {
  std::string content;
  return try_read_file(path + "/freezer.state", content) && content.rfind("THAWED", 0) != 0;
}

ContainerStats read_stats(const CgroupLocation& location) {
  ContainerStats stats;
  stats.version = 1;
  read_cpu(location, stats);
  read_memory(location, stats);
  if (const std::string path = location.find("pids"); !path.empty()) {
    stats.pids.current = read_number(path + "/pids.current");
    stats.pids.limit = read_number(path + "/pids.max");  // "max" reads as 0
  }
  if (const std::string path = location.find("blkio"); !path.empty()) {
    read_block_io_file(path + "/blkio.throttle.io_service_bytes", true, stats.blkio);
    read_block_io_file(path + "/blkio.throttle.io_serviced", false, stats.blkio);
  }
  return stats;
}

}  // namespace tsc::cgroup_v1
