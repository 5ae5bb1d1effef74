// resctrl groups: see the header.
#include "linux/resctrl.h"

#include <dirent.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>

#include "linux/cgroup-system.h"
#include "linux/error.h"
#include "linux/file.h"

namespace tsc {
namespace {

constexpr const char* kStep = "resctrl";
constexpr const char* kUsualPlace = "/sys/fs/resctrl";

std::string trimmed(std::string text) {
  text.resize(text.find_last_not_of(" \n") + 1);
  text.erase(0, std::min(text.find_first_not_of(' '), text.size()));
  return text;
}

/// What the kernel says of the last call that it refused: errno alone is EINVAL for everything.
[[noreturn]] void complain(const std::string& root, const char* syscall, const std::string& path) {
  const int error = errno;
  std::string status;
  try_read_file(root + "/info/last_cmd_status", status);
  throw RuntimeError("", kStep, syscall, error, path, trimmed(status) == "ok" ? "" : trimmed(status));
}

/// The mount that a group lies in: its parent, since there is one level of them; the root group is its own.
std::string root_of(const std::string& path) {
  return path_exists(path + "/info") ? path : path.substr(0, path.find_last_of('/'));
}

void check_features(const std::string& root, const oci::IntelRdt& wanted) {
  if (root.empty())
    throw_invalid("parse config", "linux.intelRdt: intelRdt is specified in config, but Intel RDT is not enabled: "
                                  "resctrl is not mounted on this machine");
  if (!wanted.l3_cache_schema.empty() && !path_exists(root + "/info/L3"))
    throw_invalid("parse config", "linux.intelRdt.l3CacheSchema: Intel RDT/CAT is not enabled");
  if (!wanted.mem_bw_schema.empty() && !path_exists(root + "/info/MB"))
    throw_invalid("parse config", "linux.intelRdt.memBwSchema: Intel RDT/MBA is not enabled");
  if (wanted.enable_monitoring && !path_exists(root + "/info/L3_MON"))
    throw_invalid("parse config", "linux.intelRdt.enableMonitoring: the machine has no monitoring of caches");
}

void write_schemata(const std::string& path, const std::vector<std::string>& lines) {
  std::string text;
  for (const std::string& line : lines) {
    if (!line.empty()) text += line + "\n";
  }
  if (text.empty()) return;
  if (!try_write_file(path + "/schemata", text)) complain(root_of(path), "write", path + "/schemata");
}

/// True when it is new.
bool make_group(const std::string& root, const std::string& path) {
  if (mkdir(path.c_str(), 0755) == 0) return true;
  if (errno != EEXIST) complain(root, "mkdir", path);
  return false;
}

std::optional<std::uint64_t> read_counter(const std::string& path) {
  std::string text;
  if (!try_read_file(path, text) || text.empty() || text[0] < '0' || text[0] > '9') return std::nullopt;
  return std::strtoull(text.c_str(), nullptr, 10);
}

std::map<std::string, std::string> read_info(const std::string& directory, const std::vector<std::string>& names) {
  std::map<std::string, std::string> info;
  for (const std::string& name : names) {
    std::string text;
    if (try_read_file(directory + "/" + name, text)) info[name] = trimmed(text);
  }
  return info;
}

/// The last line of `schemata` that tells of a resource, as runc picks it.
std::string schema_line(const std::string& group, const char* resource) {
  std::string text, found;
  if (!try_read_file(group + "/schemata", text)) return "";
  for (const std::string& line : split(text, '\n')) {
    if (line.find(resource) != std::string::npos) found = trimmed(line);
  }
  return found;
}

std::vector<ResctrlStats::Node> read_nodes(const std::string& group) {
  const std::string directory = group + "/mon_data";
  std::vector<std::string> names;
  if (DIR* entries = opendir(directory.c_str())) {
    while (const dirent* entry = readdir(entries)) {
      if (std::string(entry->d_name).rfind("mon_L3_", 0) == 0) names.push_back(directory + "/" + entry->d_name);
    }
    closedir(entries);
  }
  std::sort(names.begin(), names.end());
  std::vector<ResctrlStats::Node> nodes;
  for (const std::string& name : names)
    nodes.push_back({read_counter(name + "/llc_occupancy"), read_counter(name + "/mbm_total_bytes"),
                     read_counter(name + "/mbm_local_bytes")});
  return nodes;
}

}  // namespace

std::string find_resctrl() {
  struct statfs found;
  if (statfs(kUsualPlace, &found) != 0) return "";  // the kernel or the processor has none
  if (found.f_type == RDTGROUP_SUPER_MAGIC) return kUsualPlace;
  std::string text;
  if (!try_read_file("/proc/self/mountinfo", text)) return "";
  for (const std::string& line : split(text, '\n')) {
    if (line.find(" - resctrl ") != std::string::npos) return split(line, ' ').at(4);
  }
  return "";
}

ResctrlGroup create_resctrl_group(const std::string& given_root, const std::string& id, const oci::IntelRdt& wanted) {
  const std::string root = given_root.empty() ? find_resctrl() : given_root;
  check_features(root, wanted);
  ResctrlGroup group;
  const std::string& name = wanted.clos_id.empty() ? id : wanted.clos_id;
  group.path = name == "/" ? root : root + "/" + name;
  const bool has_schemata =
      !wanted.l3_cache_schema.empty() || !wanted.mem_bw_schema.empty() || !wanted.schemata.empty();
  if (!wanted.clos_id.empty() && !has_schemata && !path_exists(group.path))
    throw RuntimeError("", kStep, "", ENOENT, group.path,
                       "a group without schemata (schemata, l3CacheSchema, memBwSchema) has to be there already");
  const bool is_new = make_group(root, group.path);
  group.is_ours = is_new && wanted.clos_id.empty();
  try {
    std::vector<std::string> lines = {wanted.l3_cache_schema, wanted.mem_bw_schema};
    lines.insert(lines.end(), wanted.schemata.begin(), wanted.schemata.end());
    write_schemata(group.path, lines);
    if (!wanted.enable_monitoring) return group;
    group.monitor_path = group.path + "/mon_groups/" + id;
    make_group(root, group.monitor_path);
  } catch (...) {
    if (is_new) rmdir(group.path.c_str());
    throw;
  }
  return group;
}

void write_resctrl_schemata(const ResctrlGroup& group, const std::string& l3_cache,
                            const std::string& memory_bandwidth) {
  write_schemata(group.path, {l3_cache, memory_bandwidth});
}

void enter_resctrl_group(const ResctrlGroup& group, const std::vector<pid_t>& pids) {
  for (const pid_t pid : pids) {
    const std::string tasks = group.path + "/tasks";
    // ESRCH: it has ended meanwhile.
    if (!try_write_file(tasks, std::to_string(pid)) && errno != ESRCH) complain(root_of(group.path), "write", tasks);
  }
}

void remove_resctrl_group(const ResctrlGroup& group) {
  if (!group.exists()) return;
  // A group that is ours takes its monitoring group along.
  const std::string& path = group.is_ours ? group.path : group.monitor_path;
  if (!path.empty() && rmdir(path.c_str()) != 0 && errno != ENOENT) throw_errno(kStep, "rmdir", path);
}

ResctrlStats read_resctrl_stats(const ResctrlGroup& group) {
  const std::string root = root_of(group.path);
  ResctrlStats stats;
  stats.cache_info = read_info(root + "/info/L3", {"cbm_mask", "min_cbm_bits", "num_closids"});
  stats.bandwidth_info =
      read_info(root + "/info/MB", {"bandwidth_gran", "delay_linear", "min_bandwidth", "num_closids"});
  if (!stats.cache_info.empty()) {
    stats.cache_schema_root = schema_line(root, "L3");
    stats.cache_schema = schema_line(group.path, "L3");
  }
  if (!stats.bandwidth_info.empty()) {
    stats.bandwidth_schema_root = schema_line(root, "MB");
    stats.bandwidth_schema = schema_line(group.path, "MB");
  }
  stats.nodes = read_nodes(group.monitor_path.empty() ? group.path : group.monitor_path);
  return stats;
}

}  // namespace tsc
