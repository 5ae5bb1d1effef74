// config.json as structs, in the specification's own words. https://github.com/opencontainers/runtime-spec config.md
// A field that is absent has the specification's default; one that this runtime knows but cannot honour is an error.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace tsc::oci {

struct Rlimit {
  std::string type;
  std::uint64_t soft = 0;
  std::uint64_t hard = 0;
};

struct Capabilities {
  std::uint64_t bounding = 0, effective = 0, inheritable = 0, permitted = 0, ambient = 0;
};

/// sched_setattr(2); `policy` is SCHED_*, `flags` SCHED_FLAG_*.
struct Scheduler {
  std::uint32_t policy = 0;
  std::int32_t nice = 0;
  std::uint32_t priority = 0;
  std::uint64_t flags = 0;
  std::uint64_t runtime = 0, deadline = 0, period = 0;  // nanoseconds
};

/// Bit n of the list stands for number n: CPUs, memory nodes.
using NumberMask = std::vector<std::uint64_t>;

struct Process {
  bool terminal = false;
  std::uint16_t console_rows = 0;
  std::uint16_t console_columns = 0;
  std::string cwd;
  std::vector<std::string> env;
  std::vector<std::string> args;
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
  std::optional<std::uint32_t> umask;
  std::vector<std::uint32_t> additional_gids;
  std::vector<Rlimit> rlimits;
  Capabilities capabilities;
  std::vector<std::string> unknown_capabilities;  // names that this runtime does not know
  bool no_new_privileges = false;
  std::optional<int> oom_score_adj;
  std::optional<Scheduler> scheduler;
  std::optional<std::uint16_t> io_priority;  // as ioprio_set(2) takes it
  NumberMask initial_cpus, final_cpus;       // execCPUAffinity; empty: as it is
  std::string apparmor_profile;
  std::string selinux_label;
};

struct IdMapping {
  std::uint32_t container_id = 0;
  std::uint32_t host_id = 0;
  std::uint32_t size = 0;
};

struct Mount {
  std::string destination;
  std::string type;
  std::string source;
  std::vector<std::string> options;
  std::vector<IdMapping> uid_mappings = {};
  std::vector<IdMapping> gid_mappings = {};
};

struct Hook {
  std::string path;
  std::vector<std::string> args;
  std::optional<std::vector<std::string>> env;
  std::uint32_t timeout_s = 0;  // 0: none
};

struct Hooks {
  std::vector<Hook> prestart, create_runtime, create_container, start_container, poststart, poststop;
};

struct Namespace {
  std::uint64_t type = 0;  // CLONE_NEW*
  std::string path;
};

struct Device {
  std::string type;  // c, u, b, p
  std::string path;
  std::int64_t major = 0;
  std::int64_t minor = 0;
  std::uint32_t file_mode = 0666;
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
};

struct DeviceRule {
  bool allow = false;
  char type = 'a';          // a, c, b
  std::int64_t major = -1;  // -1: any
  std::int64_t minor = -1;
  std::string access = "rwm";
};

struct ThrottleDevice {
  std::uint32_t major = 0;
  std::uint32_t minor = 0;
  std::uint64_t rate = 0;
};

struct WeightDevice {
  std::uint32_t major = 0;
  std::uint32_t minor = 0;
  std::optional<std::uint16_t> weight, leaf_weight;
};

struct RdmaLimit {
  std::optional<std::uint32_t> hca_handles, hca_objects;
};

struct Resources {
  std::vector<DeviceRule> devices;
  struct {
    std::optional<std::int64_t> limit, reservation, swap, kernel, kernel_tcp;
    std::optional<std::uint64_t> swappiness;
    std::optional<bool> disable_oom_killer, use_hierarchy;
    std::optional<bool> check_before_update;
  } memory;
  struct {
    std::optional<std::uint64_t> shares, period, burst, realtime_period;
    std::optional<std::int64_t> quota, realtime_runtime, idle;
    std::string cpus, mems;
  } cpu;
  std::optional<std::int64_t> pids_limit;
  struct {
    std::optional<std::uint16_t> weight, leaf_weight;
    std::vector<WeightDevice> weight_device;
    std::vector<ThrottleDevice> read_bps, write_bps, read_iops, write_iops;
  } block_io;
  struct {
    std::optional<std::uint32_t> class_id;
    std::vector<std::pair<std::string, std::uint32_t>> priorities;  // interface, priority
  } network;
  std::map<std::string, RdmaLimit> rdma;  // by device
  std::vector<std::pair<std::string, std::uint64_t>> hugepage_limits;
  std::map<std::string, std::string> unified;
};

/// set_mempolicy(2); `mode` with its MPOL_F_* flags.
struct MemoryPolicy {
  std::uint32_t mode = 0;
  NumberMask nodes;
};

struct IntelRdt {
  std::string clos_id, l3_cache_schema, mem_bw_schema;
  std::vector<std::string> schemata;
  bool enable_monitoring = false;
};

struct Linux {
  std::vector<Namespace> namespaces;
  std::vector<IdMapping> uid_mappings;
  std::vector<IdMapping> gid_mappings;
  std::map<std::string, std::pair<std::int64_t, std::uint32_t>> time_offsets;  // clock -> secs, nanosecs
  std::vector<Device> devices;
  std::string cgroups_path;
  Resources resources;
  std::string rootfs_propagation;
  std::map<std::string, std::string> sysctl;
  std::vector<std::string> masked_paths;
  std::vector<std::string> readonly_paths;
  std::string mount_label;
  std::string seccomp;  // the JSON object's text; "" none
  std::optional<std::uint32_t> personality;
  std::optional<MemoryPolicy> memory_policy;
  std::optional<IntelRdt> intel_rdt;
  std::map<std::string, std::string> net_devices;  // name on the host -> name in the container

  bool has_namespace(std::uint64_t type) const;
  const Namespace* find_namespace(std::uint64_t type) const;
};

struct Config {
  std::string oci_version;
  std::string root_path;
  bool is_root_readonly = false;
  std::string hostname;
  std::string domainname;
  bool has_process = false;
  Process process;
  std::vector<Mount> mounts;
  std::map<std::string, std::string> annotations;
  Linux linux_;
  Hooks hooks;
  std::string hooks_text;    // the JSON of `hooks`; "" when there are none
  std::string process_text;  // and of `process`, where it is asked for
};

/// Each throws RuntimeError (invalid_argument) that names the field, e.g. "process.user.uid: not a number".
Config parse_config(std::string json, bool keeps_process = false);
Process parse_process(const std::string& json);
Resources parse_resources(const std::string& json);
Hooks parse_hooks(const std::string& json);

/// "pid" -> CLONE_NEWPID; 0 for an unknown word.
std::uint64_t namespace_flag(const std::string& word);

}  // namespace tsc::oci
