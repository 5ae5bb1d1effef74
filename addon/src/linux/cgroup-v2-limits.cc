// The limits of version 2. config.json has v1's words for them; they are converted as runc does it. What version 2 has
// no counterpart for is an error. kernel: admin-guide/cgroup-v2; runtime-spec config-linux.md
#include <sstream>

#include "linux/cgroup-versions.h"
#include "linux/device-filter.h"
#include "linux/error.h"
#include "linux/file.h"
#include "linux/limit-files.h"

namespace tsc::cgroup_v2 {
namespace {

constexpr const char* kStep = "set limits";
constexpr const char* kNoCounterpart = "cgroup v2 has no counterpart for it";

bool is_given(const std::optional<std::int64_t>& value) { return value && *value != 0; }
bool is_given(const std::optional<std::uint64_t>& value) { return value && *value != 0; }

std::string or_max(std::int64_t value) { return value < 0 ? "max" : std::to_string(value); }

std::int64_t read_limit(const std::string& path) {
  std::string content;
  if (!try_read_file(path, content) || content.rfind("max", 0) == 0) return -1;
  return std::strtoll(content.c_str(), nullptr, 10);
}

/// v1's swap limit counts memory as well, v2's does not.
std::optional<std::int64_t> swap_without_memory(const std::string& path, const oci::Resources& resources) {
  const auto& memory = resources.memory;
  if (!is_given(memory.swap)) {
    // "No limit" of memory means none of swap either, unless one is given.
    return memory.limit && *memory.limit == -1 ? std::optional<std::int64_t>(-1) : std::nullopt;
  }
  if (*memory.swap < 0) return -1;
  const std::int64_t limit = is_given(memory.limit) ? *memory.limit : read_limit(path + "memory.max");
  if (limit < 0) throw_unsupported_limit("memory.swap", "unable to set swap limit without memory limit");
  if (*memory.swap < limit) throw_unsupported_limit("memory.swap", "memory+swap limit should be >= memory limit");
  return *memory.swap - limit;
}

void check_usage(const std::string& path, std::int64_t limit) {
  const std::int64_t usage = read_limit(path + "memory.current");
  if (limit <= 0 || usage <= limit) return;
  throw RuntimeError("", kStep, "", EBUSY, path + "memory.max",
                     "rejecting memory limit " + std::to_string(limit) + " < usage " + std::to_string(usage));
}

void apply_memory(const std::string& path, const oci::Resources& resources, Warnings& warnings) {
  const auto& memory = resources.memory;
  if (memory.swappiness) throw_unsupported_limit("memory.swappiness", kNoCounterpart);
  if (memory.disable_oom_killer.value_or(false)) throw_unsupported_limit("memory.disableOOMKiller", kNoCounterpart);
  if (memory.use_hierarchy && !*memory.use_hierarchy)
    throw_unsupported_limit("memory.useHierarchy", "cgroup v2 is always hierarchical");
  if (is_given(memory.kernel)) warnings.push_back("linux.resources.memory.kernel is ignored: obsolete");
  if (is_given(memory.kernel_tcp)) warnings.push_back("linux.resources.memory.kernelTCP is ignored: obsolete");
  if (memory.check_before_update.value_or(false) && memory.limit) check_usage(path, *memory.limit);
  if (const auto swap = swap_without_memory(path, resources)) {
    const std::string file = path + "memory.swap.max";
    // Without swap accounting there is no swap to be used up: no limit and none at all are both kept.
    if (*swap > 0 || path_exists(file)) write_limit(file, or_max(*swap));
  }
  if (is_given(memory.limit)) write_limit(path + "memory.max", or_max(*memory.limit));
  if (is_given(memory.reservation)) write_limit(path + "memory.low", or_max(*memory.reservation));
}

/// quota and period live in one file: what is not given keeps its present value.
std::string bandwidth_text(const std::string& path, const oci::Resources& resources) {
  std::string present, quota = "max", period = "100000";
  if (try_read_file(path + "cpu.max", present)) std::istringstream(present) >> quota >> period;
  if (is_given(resources.cpu.quota)) quota = or_max(*resources.cpu.quota);
  if (is_given(resources.cpu.period)) period = std::to_string(*resources.cpu.period);
  return quota + " " + period;
}

void apply_cpu(const std::string& path, const oci::Resources& resources) {
  const auto& cpu = resources.cpu;
  if (is_given(cpu.realtime_runtime)) throw_unsupported_limit("cpu.realtimeRuntime", kNoCounterpart);
  if (is_given(cpu.realtime_period)) throw_unsupported_limit("cpu.realtimePeriod", kNoCounterpart);
  std::vector<LimitFile> files;
  if (cpu.idle) files.push_back({path + "cpu.idle", std::to_string(*cpu.idle)});
  // An idle group has no weight; the kernel refuses one.
  if (is_given(cpu.shares) && cpu.idle.value_or(0) == 0)
    files.push_back({path + "cpu.weight", std::to_string(cpu_weight_from_shares(*cpu.shares))});
  if (cpu.burst) files.push_back({path + "cpu.max.burst", std::to_string(*cpu.burst)});
  if (is_given(cpu.quota) || is_given(cpu.period)) files.push_back({path + "cpu.max", bandwidth_text(path, resources)});
  if (!cpu.cpus.empty()) files.push_back({path + "cpuset.cpus", cpu.cpus});
  if (!cpu.mems.empty()) files.push_back({path + "cpuset.mems", cpu.mems});
  write_limits(std::move(files));
}

std::string device(std::uint32_t major, std::uint32_t minor) {
  return std::to_string(major) + ":" + std::to_string(minor) + " ";
}

void apply_weights(const std::string& path, const oci::Resources& resources) {
  const auto& block_io = resources.block_io;
  if (block_io.leaf_weight) throw_unsupported_limit("blockIO.leafWeight", kNoCounterpart);
  if (!block_io.weight && block_io.weight_device.empty()) return;
  const bool has_bfq = path_exists(path + "io.bfq.weight");
  // BFQ's weight runs from 10 to 1000, as v1's.
  const auto convert = [has_bfq](std::uint16_t weight) {
    return std::to_string(has_bfq ? weight : io_weight_from_block_weight(weight));
  };
  const std::string file = path + (has_bfq ? "io.bfq.weight" : "io.weight");
  if (block_io.weight) write_limit(file, convert(*block_io.weight));
  for (const oci::WeightDevice& item : block_io.weight_device) {
    if (item.leaf_weight) throw_unsupported_limit("blockIO.weightDevice.leafWeight", kNoCounterpart);
    if (item.weight) write_limit(file, device(item.major, item.minor) + convert(*item.weight));
  }
}

void apply_block_io(const std::string& path, const oci::Resources& resources) {
  const auto& block_io = resources.block_io;
  apply_weights(path, resources);
  const auto throttle = [&](const std::vector<oci::ThrottleDevice>& devices, const char* key) {
    for (const oci::ThrottleDevice& item : devices) {
      write_limit(path + "io.max",
                  device(item.major, item.minor) + key + "=" + (item.rate == 0 ? "max" : std::to_string(item.rate)));
    }
  };
  throttle(block_io.read_bps, "rbps");
  throttle(block_io.write_bps, "wbps");
  throttle(block_io.read_iops, "riops");
  throttle(block_io.write_iops, "wiops");
}

void apply_huge_pages(const std::string& path, const oci::Resources& resources) {
  for (const auto& [size, limit] : resources.hugepage_limits) {
    const std::string prefix = path + "hugetlb." + size;
    if (!path_exists(prefix + ".max"))
      throw_unsupported_limit("hugepageLimits", "no limit of " + size + " pages in this cgroup");
    write_limit(prefix + ".max", std::to_string(limit));
    if (path_exists(prefix + ".rsvd.max")) write_limit(prefix + ".rsvd.max", std::to_string(limit));
  }
}

/// The caller's own words, last: they may say more exactly what a converted limit could not.
void apply_unified(const std::string& path, const oci::Resources& resources) {
  for (const auto& [file, value] : resources.unified) {
    if (!path_exists(path + file)) {
      throw_unsupported_limit("unified", file + " can't be set: controller \"" + file.substr(0, file.find('.')) +
                                             "\" not available, or without such a file");
    }
    // Several lines are several settings: io.max of two devices.
    std::istringstream lines(value);
    std::string line;
    while (std::getline(lines, line)) write_limit(path + file, line);
  }
}

}  // namespace

void apply(const std::string& directory, const oci::Resources& resources, Warnings& warnings) {
  const std::string path = directory + "/";
  if (resources.network.class_id.value_or(0) != 0) throw_unsupported_limit("network.classID", kNoCounterpart);
  if (!resources.network.priorities.empty()) throw_unsupported_limit("network.priorities", kNoCounterpart);
  apply_memory(path, resources, warnings);
  apply_cpu(path, resources);
  if (is_given(resources.pids_limit)) write_limit(path + "pids.max", or_max(*resources.pids_limit));
  apply_block_io(path, resources);
  apply_huge_pages(path, resources);
  for (const auto& [name, limit] : resources.rdma) write_limit(path + "rdma.max", rdma_text(name, limit));
  apply_unified(path, resources);
  if (!resources.devices.empty()) attach_device_filter(directory, resources.devices);
}

}  // namespace tsc::cgroup_v2
