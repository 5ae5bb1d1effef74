// The systemd cgroup driver: see the header. org.freedesktop.systemd1(5), https://systemd.io/CGROUP_DELEGATION
#include "linux/systemd-scope.h"

#include <sstream>

#include "linux/cgroup-directory.h"
#include "linux/cgroup-versions.h"
#include "linux/dbus-connection.h"
#include "linux/error.h"
#include "linux/file.h"
#include "linux/systemd-properties.h"
#include "linux/user-namespace.h"

namespace tsc {
namespace {

constexpr const char* kStep = "start systemd scope";
constexpr std::int64_t kDefaultPeriodUs = 100000;
constexpr std::int64_t kQuotaStepUs = 10000;  // a percent of a second: what systemd keeps on disk

struct ScopeName {
  std::string slice;
  std::string unit;
};

ScopeName parse_path(const ScopeRequest& request) {
  const std::string slice = is_ordinary_user() ? "user.slice" : "system.slice";
  if (request.cgroups_path.empty()) return {slice, "tsrunc-" + request.id + ".scope"};
  const std::vector<std::string> parts = split(request.cgroups_path, ':');
  if (parts.size() != 3 || request.cgroups_path.find('/') != std::string::npos || parts[2].empty()) {
    throw_invalid(kStep, "linux.cgroupsPath: expected \"slice:prefix:name\" for systemd cgroups, got \"" +
                             request.cgroups_path + "\"");
  }
  return {parts[0].empty() ? slice : parts[0], (parts[1].empty() ? "" : parts[1] + "-") + parts[2] + ".scope"};
}

/// "a-b.slice" -> "/a.slice/a-b.slice": a dash is a level.
std::string slice_path(const std::string& slice) {
  if (slice == "-.slice") return "";
  const auto refuse = [&slice] { throw_invalid(kStep, "linux.cgroupsPath: invalid slice name: " + slice); };
  if (!slice.ends_with(".slice")) refuse();
  std::string path, prefix;
  for (const std::string& part : split(slice.substr(0, slice.size() - 6), '-')) {
    if (part.empty()) refuse();
    path += "/" + prefix + part + ".slice";
    prefix += part + "-";
  }
  return path;
}

/// Where systemd has put the holder: asked of the kernel, so that a user's own manager, which sits deep in the tree,
/// needs no special treatment.
std::string path_of(pid_t pid, const ScopeName& name, const std::string& controllers) {
  const std::string file = "/proc/" + std::to_string(pid) + "/cgroup";
  for (const std::string& line : split(read_file(kStep, file), '\n')) {
    const size_t first = line.find(':');
    const size_t second = line.find(':', first + 1);
    if (second == std::string::npos || line.substr(first + 1, second - first - 1) != controllers) continue;
    const std::string path = line.substr(second + 1);
    if (path.ends_with("/" + name.unit)) return path;
  }
  // A user's scope lies somewhere below their manager's group.
  if (is_ordinary_user())
    throw RuntimeError("", kStep, "", 0, name.unit, "systemd has not moved process " + std::to_string(pid) + " there");
  return slice_path(name.slice) + "/" + name.unit;
}

std::vector<DbusProperty> scope_properties(const ScopeRequest& request, const ScopeName& name,
                                           const oci::Resources& resources, int version) {
  std::vector<DbusProperty> properties = {
      {"Description", "tsrunc container " + request.id},
      {"Slice", name.slice},
      {"Delegate", true},
      {"DefaultDependencies", false},
      {"PIDs", std::vector<std::uint32_t>{static_cast<std::uint32_t>(request.holder)}},
      {"MemoryAccounting", true},
      {"CPUAccounting", true},
      {version == 2 ? "IOAccounting" : "BlockIOAccounting", true},
      {"TasksAccounting", true},
  };
  for (DbusProperty& property : resource_properties(resources, version)) properties.push_back(std::move(property));
  for (DbusProperty& property : annotation_properties(request.annotations)) properties.push_back(std::move(property));
  return properties;
}

void start_unit(SystemdConnection& systemd, const ScopeName& name, const std::vector<DbusProperty>& properties,
                CgroupLocation& location) {
  const DbusWriter arguments =
      DbusWriter().add_text(name.unit).add_text("replace").add_properties(properties).add_no_units();
  std::vector<std::string> answer = systemd.call("StartTransientUnit", arguments, ".UnitExists");
  if (answer.empty()) {
    // Perhaps the rest of a scope that failed: systemd forgets it when told so.
    systemd.call("ResetFailedUnit", DbusWriter().add_text(name.unit), ".NoSuchUnit");
    answer = systemd.call("StartTransientUnit", arguments);
  }
  location.unit = name.unit;  // ours from now on
  const std::string result = answer.empty() ? "no job" : systemd.wait_for_job(answer.front());
  if (result != "done") throw RuntimeError("", kStep, "", 0, name.unit, "systemd's job ended as \"" + result + "\"");
}

void round_quota(oci::Resources& resources) {
  auto& quota = resources.cpu.quota;
  if (!quota || *quota <= 0) return;
  const std::int64_t period =
      resources.cpu.period.value_or(0) == 0 ? kDefaultPeriodUs : static_cast<std::int64_t>(*resources.cpu.period);
  const std::int64_t each_second = *quota * 1000000 / period;
  const std::int64_t rounded = (each_second + kQuotaStepUs - 1) / kQuotaStepUs * kQuotaStepUs;
  if (rounded != each_second) *quota = rounded * period / 1000000;
}

/// Groups of the scope in every hierarchy: systemd makes those that it manages, the others are made here, where the
/// holder has no business.
void locate(const ScopeRequest& request, const ScopeName& name, const oci::Resources& resources,
            CgroupLocation& location) {
  const CgroupSystem& system = cgroup_system();
  if (system.is_unified) {
    location.version = 2;
    location.paths[""] = system.unified_mount_point + path_of(request.holder, name, "");
    return;
  }
  const std::string path = path_of(request.holder, name, "name=systemd");
  for (const CgroupHierarchy& hierarchy : system.hierarchies) {
    const bool is_systemd = hierarchy.controllers == "name=systemd";
    if (!is_systemd && !cgroup_v1::is_wanted(hierarchy, resources)) continue;
    const std::string directory = hierarchy.mount_point + path;
    make_cgroup_directory(hierarchy.mount_point, directory, "",
                          [&](const std::string& part) { cgroup_v1::initialize(hierarchy, part); });
    location.paths[hierarchy.name] = directory;
  }
  if (system.is_hybrid()) {
    location.paths[CgroupLocation::kUnifiedName] = system.unified_mount_point + path;
    make_cgroup_directory(system.unified_mount_point, system.unified_mount_point + path, "", [](const std::string&) {});
  }
}

}  // namespace

void start_scope(const ScopeRequest& request, oci::Resources& resources, CgroupLocation& location, Warnings& warnings) {
  const ScopeName name = parse_path(request);
  slice_path(name.slice);
  if (!is_systemd_running()) {
    throw RuntimeError("", kStep, "", ENOTSUP, "/run/systemd/system",
                       "systemd cgroup flag passed, but systemd is not the init of this machine");
  }
  const int version = cgroup_system().is_unified ? 2 : 1;
  if (version == 1 && is_ordinary_user()) {
    throw RuntimeError("", kStep, "", ENOTSUP, "",
                       "an ordinary user's systemd has no cgroups to give where the machine's are v1: leave "
                       "--systemd-cgroup out");
  }
  round_quota(resources);
  SystemdConnection systemd;
  start_unit(systemd, name, scope_properties(request, name, resources, version), location);
  locate(request, name, resources, location);
  oci::Resources limits = resources;
  if (request.is_rootless) limits.devices.clear();
  apply_resources(location, limits, "", warnings);
}

void update_scope(const CgroupLocation& location, oci::Resources& resources) {
  // Both halves of a bandwidth go together in systemd; the one that is not changed is asked of the kernel.
  auto& cpu = resources.cpu;
  const bool has_quota = cpu.quota.value_or(0) != 0, has_period = cpu.period.value_or(0) != 0;
  if (has_quota != has_period) {
    std::int64_t quota = -1;
    std::uint64_t period = kDefaultPeriodUs;
    std::string text;
    if (location.version == 2 && try_read_file(location.find("") + "/cpu.max", text)) {
      std::istringstream words(text);
      std::string first;
      words >> first >> period;
      if (first != "max") quota = std::strtoll(first.c_str(), nullptr, 10);
    } else if (location.version == 1) {
      if (try_read_file(location.find("cpu") + "/cpu.cfs_quota_us", text))
        quota = std::strtoll(text.c_str(), nullptr, 10);
      if (try_read_file(location.find("cpu") + "/cpu.cfs_period_us", text))
        period = std::strtoull(text.c_str(), nullptr, 10);
    }
    if (!has_quota) cpu.quota = quota;
    if (!has_period) cpu.period = period;
  }
  round_quota(resources);
  const std::vector<DbusProperty> properties = resource_properties(resources, location.version);
  if (properties.empty()) return;
  SystemdConnection().call("SetUnitProperties",
                           DbusWriter().add_text(location.unit).add_flag(true).add_properties(properties));
}

void attach_to_scope(const std::string& unit, const std::string& group, pid_t pid) {
  SystemdConnection().call(
      "AttachProcessesToUnit",
      DbusWriter().add_text(unit).add_text(group).add_numbers({static_cast<std::uint32_t>(pid)}));
}

void stop_scope(const std::string& unit) {
  SystemdConnection systemd;
  const std::vector<std::string> job =
      systemd.call("StopUnit", DbusWriter().add_text(unit).add_text("replace"), ".NoSuchUnit");
  if (!job.empty()) systemd.wait_for_job(job.front());
  systemd.call("ResetFailedUnit", DbusWriter().add_text(unit), ".NoSuchUnit");
}

}  // namespace tsc
