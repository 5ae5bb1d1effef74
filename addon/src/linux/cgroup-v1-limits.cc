// The limits of version 1: linux.resources of config.json, written into the controllers' files.
// kernel: admin-guide/cgroup-v1; runtime-spec config-linux.md
#include <fcntl.h>

#include "linux/cgroup-versions.h"
#include "linux/error.h"
#include "linux/file.h"
#include "linux/limit-files.h"

namespace tsc::cgroup_v1 {
namespace {

constexpr const char* kStep = "set limits";
constexpr int kNotSupported = 524;  // ENOTSUPP of the kernel, which has no name outside it

/// The group of a controller; without it a limit cannot be kept, so that is an error. `field`: "blockIO".
std::string group(const CgroupLocation& location, const char* controller, const char* field) {
  const std::string path = location.find(controller);
  if (path.empty() && cgroup_system().has_hierarchy(controller))
    throw RuntimeError("", kStep, "", EACCES, "", std::string("cannot set ") + controller + " limit: container could not join or create cgroup");
  if (path.empty()) throw_unsupported_limit(field, std::string("this machine has no ") + controller + " controller");
  return path + "/";
}

std::string rule_text(const oci::DeviceRule& rule) {
  const auto number = [](std::int64_t value) { return value < 0 ? std::string("*") : std::to_string(value); };
  return std::string(1, rule.type) + " " + number(rule.major) + ":" + number(rule.minor) + " " + rule.access;
}

/// One write per rule is the interface; one open for all of them is enough.
void apply_devices(const CgroupLocation& location, const oci::Resources& resources) {
  if (resources.devices.empty()) return;
  const std::string path = group(location, "devices", "devices");
  const UniqueFd allow = open_file(kStep, path + "devices.allow", O_WRONLY);
  const UniqueFd deny = open_file(kStep, path + "devices.deny", O_WRONLY);
  for (const oci::DeviceRule& rule : resources.devices) {
    const std::string text = rule_text(rule);
    const UniqueFd& file = rule.allow ? allow : deny;
    if (write(file.get(), text.data(), text.size()) < 0) {
      throw_errno(kStep, "write", path + (rule.allow ? "devices.allow: " : "devices.deny: ") + text);
    }
  }
}

bool is_given(const std::optional<std::int64_t>& value) { return value && *value != 0; }
bool is_given(const std::optional<std::uint64_t>& value) { return value && *value != 0; }

void check_usage(const std::string& path, std::int64_t limit) {
  std::string content;
  if (!try_read_file(path + "memory.usage_in_bytes", content)) return;
  const std::int64_t usage = std::strtoll(content.c_str(), nullptr, 10);
  if (limit <= 0 || usage <= limit) return;
  throw RuntimeError("", kStep, "", EBUSY, path + "memory.limit_in_bytes",
                     "rejecting memory limit " + std::to_string(limit) + " < usage " + std::to_string(usage));
}

/// Newer kernels have no limit of kernel memory any more, and refuse any change of use_hierarchy.
void apply_obsolete_memory(const std::string& path, const oci::Resources& resources, Warnings& warnings) {
  const auto& memory = resources.memory;
  const auto attempt = [&](const char* file, const std::string& value, const char* field) {
    if (try_write_file(path + file, value)) return;
    if (errno != EINVAL && errno != ENOENT && errno != EOPNOTSUPP && errno != kNotSupported)
      throw_errno(kStep, "write", path + file);
    warnings.push_back(std::string("linux.resources.memory.") + field + " is ignored: this kernel cannot set it");
  };
  if (is_given(memory.kernel)) attempt("memory.kmem.limit_in_bytes", std::to_string(*memory.kernel), "kernel");
  if (is_given(memory.kernel_tcp))
    attempt("memory.kmem.tcp.limit_in_bytes", std::to_string(*memory.kernel_tcp), "kernelTCP");
  if (memory.use_hierarchy) attempt("memory.use_hierarchy", *memory.use_hierarchy ? "1" : "0", "useHierarchy");
}

void apply_memory(const CgroupLocation& location, const oci::Resources& resources, Warnings& warnings) {
  const auto& memory = resources.memory;
  const bool has_any = is_given(memory.limit) || is_given(memory.swap) || is_given(memory.reservation) ||
                       is_given(memory.kernel) || is_given(memory.kernel_tcp) || memory.swappiness ||
                       memory.disable_oom_killer.value_or(false) || memory.use_hierarchy;
  if (!has_any) return;
  const std::string path = group(location, "memory", "memory");
  if (memory.check_before_update.value_or(false) && memory.limit) check_usage(path, *memory.limit);
  std::vector<LimitFile> files;
  if (is_given(memory.limit)) files.push_back({path + "memory.limit_in_bytes", std::to_string(*memory.limit)});
  // "No limit" of memory means none of memory with swap either, unless one is given.
  const bool is_unlimited = memory.limit && *memory.limit == -1 && !is_given(memory.swap);
  if (is_given(memory.swap) || is_unlimited) {
    const std::int64_t swap = is_unlimited ? -1 : *memory.swap;
    const std::string file = path + "memory.memsw.limit_in_bytes";
    if (swap != -1 || path_exists(file)) files.push_back({file, std::to_string(swap)});
  }
  write_limits(std::move(files));
  if (is_given(memory.reservation))
    write_limit(path + "memory.soft_limit_in_bytes", std::to_string(*memory.reservation));
  apply_obsolete_memory(path, resources, warnings);
  if (memory.swappiness) write_limit(path + "memory.swappiness", std::to_string(*memory.swappiness));
  if (memory.disable_oom_killer.value_or(false)) write_limit(path + "memory.oom_control", "1");
}

void check_shares(std::uint64_t shares) {
  if (shares < 2) throw_unsupported_limit("cpu.shares", "the minimum allowed cpu-shares is 2");
  if (shares > 262144) throw_unsupported_limit("cpu.shares", "the maximum allowed cpu-shares is 262144");
}

void apply_cpu(const CgroupLocation& location, const oci::Resources& resources) {
  const auto& cpu = resources.cpu;
  std::vector<LimitFile> files;
  const auto add = [&](const char* file, const std::string& value) {
    files.push_back({group(location, "cpu", "cpu") + file, value});
  };
  if (is_given(cpu.shares)) {
    check_shares(*cpu.shares);
    add("cpu.shares", std::to_string(*cpu.shares));
  }
  if (cpu.burst) add("cpu.cfs_burst_us", std::to_string(*cpu.burst));
  if (is_given(cpu.period)) add("cpu.cfs_period_us", std::to_string(*cpu.period));
  if (is_given(cpu.quota)) add("cpu.cfs_quota_us", std::to_string(*cpu.quota));
  if (is_given(cpu.realtime_period)) add("cpu.rt_period_us", std::to_string(*cpu.realtime_period));
  if (is_given(cpu.realtime_runtime)) add("cpu.rt_runtime_us", std::to_string(*cpu.realtime_runtime));
  if (cpu.idle) add("cpu.idle", std::to_string(*cpu.idle));
  if (!cpu.cpus.empty()) files.push_back({group(location, "cpuset", "cpu.cpus") + "cpuset.cpus", cpu.cpus});
  if (!cpu.mems.empty()) files.push_back({group(location, "cpuset", "cpu.mems") + "cpuset.mems", cpu.mems});
  write_limits(std::move(files));
}

std::string device(std::uint32_t major, std::uint32_t minor) {
  return std::to_string(major) + ":" + std::to_string(minor) + " ";
}

/// "weight" under CFQ, long gone, and "bfq.weight" under BFQ; a leaf's weight was CFQ's alone.
void apply_weights(const CgroupLocation& location, const oci::Resources& resources) {
  const auto& block_io = resources.block_io;
  if (!block_io.weight && !block_io.leaf_weight && block_io.weight_device.empty()) return;
  const std::string path = group(location, "blkio", "blockIO");
  const std::string prefix = path + (path_exists(path + "blkio.weight") ? "blkio." : "blkio.bfq.");
  if (!path_exists(prefix + "weight"))
    throw_unsupported_limit("blockIO.weight", "this kernel has no weights of block devices");
  const bool has_leaf_weight = path_exists(path + "blkio.leaf_weight");
  const auto need_leaf_weight = [&] {
    if (!has_leaf_weight) throw_unsupported_limit("blockIO.leafWeight", "this kernel has no leaf weights");
  };
  if (block_io.weight) write_limit(prefix + "weight", std::to_string(*block_io.weight));
  if (block_io.leaf_weight) {
    need_leaf_weight();
    write_limit(path + "blkio.leaf_weight", std::to_string(*block_io.leaf_weight));
  }
  for (const oci::WeightDevice& item : block_io.weight_device) {
    const std::string name = device(item.major, item.minor);
    if (item.weight) write_limit(prefix + "weight_device", name + std::to_string(*item.weight));
    if (!item.leaf_weight) continue;
    need_leaf_weight();
    write_limit(path + "blkio.leaf_weight_device", name + std::to_string(*item.leaf_weight));
  }
}

void apply_block_io(const CgroupLocation& location, const oci::Resources& resources) {
  const auto& block_io = resources.block_io;
  apply_weights(location, resources);
  const auto throttle = [&](const std::vector<oci::ThrottleDevice>& devices, const char* file) {
    for (const oci::ThrottleDevice& item : devices) {
      write_limit(group(location, "blkio", "blockIO") + "blkio.throttle." + file,
                  device(item.major, item.minor) + std::to_string(item.rate));
    }
  };
  throttle(block_io.read_bps, "read_bps_device");
  throttle(block_io.write_bps, "write_bps_device");
  throttle(block_io.read_iops, "read_iops_device");
  throttle(block_io.write_iops, "write_iops_device");
}

void apply_huge_pages(const CgroupLocation& location, const oci::Resources& resources) {
  for (const auto& [size, limit] : resources.hugepage_limits) {
    const std::string prefix = group(location, "hugetlb", "hugepageLimits") + "hugetlb." + size;
    if (!path_exists(prefix + ".limit_in_bytes"))
      throw_unsupported_limit("hugepageLimits", "this machine has no pages of " + size);
    write_limit(prefix + ".limit_in_bytes", std::to_string(limit));
    // Reservations since 5.7; without it a reservation that is never touched would pass the limit by.
    if (path_exists(prefix + ".rsvd.limit_in_bytes"))
      write_limit(prefix + ".rsvd.limit_in_bytes", std::to_string(limit));
  }
}

void apply_network(const CgroupLocation& location, const oci::Resources& resources) {
  const auto& network = resources.network;
  if (network.class_id)
    write_limit(group(location, "net_cls", "network.classID") + "net_cls.classid", std::to_string(*network.class_id));
  for (const auto& [name, priority] : network.priorities) {
    write_limit(group(location, "net_prio", "network.priorities") + "net_prio.ifpriomap",
                name + " " + std::to_string(priority));
  }
}

void apply_rdma(const CgroupLocation& location, const oci::Resources& resources) {
  for (const auto& [name, limit] : resources.rdma)
    write_limit(group(location, "rdma", "rdma") + "rdma.max", rdma_text(name, limit));
}

void apply_pids(const CgroupLocation& location, const oci::Resources& resources) {
  if (!is_given(resources.pids_limit)) return;
  const std::int64_t limit = *resources.pids_limit;
  write_limit(group(location, "pids", "pids") + "pids.max", limit < 0 ? "max" : std::to_string(limit));
}

}  // namespace

void apply(const CgroupLocation& location, const oci::Resources& resources, Warnings& warnings) {
  if (!resources.unified.empty()) {
    throw RuntimeError("", kStep, "", 0, "",
                       "invalid configuration: linux.resources.unified: cannot set " +
                           resources.unified.begin()->first + " on cgroup v1",
                       Reason::invalid_argument);
  }
  apply_devices(location, resources);
  apply_memory(location, resources, warnings);
  apply_cpu(location, resources);
  apply_pids(location, resources);
  apply_block_io(location, resources);
  apply_huge_pages(location, resources);
  apply_network(location, resources);
  apply_rdma(location, resources);
}

}  // namespace tsc::cgroup_v1
