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
  bool no_new_privileges = false;
  std::optional<int> oom_score_adj;
  std::string apparmor_profile;
  std::string selinux_label;
};

struct Mount {
  std::string destination;
  std::string type;
  std::string source;
  std::vector<std::string> options;
};

struct IdMapping {
  std::uint32_t container_id = 0;
  std::uint32_t host_id = 0;
  std::uint32_t size = 0;
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

struct Resources {
  std::vector<DeviceRule> devices;
  struct {
    std::optional<std::int64_t> limit, reservation, swap;
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
    std::vector<ThrottleDevice> weight_device, read_bps, write_bps, read_iops, write_iops;
  } block_io;
  std::vector<std::pair<std::string, std::uint64_t>> hugepage_limits;
  std::map<std::string, std::string> unified;
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
};

/// Each throws RuntimeError (invalid_argument) that names the field, e.g. "process.user.uid: not a number".
Config parse_config(const std::string& json);
Process parse_process(const std::string& json);
Resources parse_resources(const std::string& json);

/// "pid" -> CLONE_NEWPID; 0 for an unknown word.
std::uint64_t namespace_flag(const std::string& word);

}  // namespace tsc::oci
