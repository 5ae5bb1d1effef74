// spec on the command line: a config.json to begin with, as runc writes it.
#include <fcntl.h>
#include <stdio.h>

#include <nlohmann/json.hpp>

#include "cli/commands.h"
#include "cli/options.h"
#include "cli/version.h"
#include "linux/cgroup-system.h"
#include "linux/error.h"
#include "linux/file.h"

namespace tsc::cli {
namespace {

using nlohmann::ordered_json;

constexpr const char* kSpec = R"({
  "ociVersion": "1.2.0",
  "process": {
    "terminal": true,
    "user": { "uid": 0, "gid": 0 },
    "args": ["sh"],
    "env": ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "TERM=xterm"],
    "cwd": "/",
    "capabilities": {
      "bounding": ["CAP_AUDIT_WRITE", "CAP_KILL", "CAP_NET_BIND_SERVICE"],
      "effective": ["CAP_AUDIT_WRITE", "CAP_KILL", "CAP_NET_BIND_SERVICE"],
      "permitted": ["CAP_AUDIT_WRITE", "CAP_KILL", "CAP_NET_BIND_SERVICE"]
    },
    "rlimits": [{ "type": "RLIMIT_NOFILE", "hard": 1024, "soft": 1024 }],
    "noNewPrivileges": true
  },
  "root": { "path": "rootfs", "readonly": true },
  "hostname": "tsrunc",
  "mounts": [
    { "destination": "/proc", "type": "proc", "source": "proc" },
    { "destination": "/dev", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "strictatime", "mode=755", "size=65536k"] },
    { "destination": "/dev/pts", "type": "devpts", "source": "devpts", "options": ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"] },
    { "destination": "/dev/shm", "type": "tmpfs", "source": "shm", "options": ["nosuid", "noexec", "nodev", "mode=1777", "size=65536k"] },
    { "destination": "/dev/mqueue", "type": "mqueue", "source": "mqueue", "options": ["nosuid", "noexec", "nodev"] },
    { "destination": "/sys", "type": "sysfs", "source": "sysfs", "options": ["nosuid", "noexec", "nodev", "ro"] },
    { "destination": "/sys/fs/cgroup", "type": "cgroup", "source": "cgroup", "options": ["nosuid", "noexec", "nodev", "relatime", "ro"] }
  ],
  "linux": {
    "resources": { "devices": [{ "allow": false, "access": "rwm" }] },
    "namespaces": [{ "type": "pid" }, { "type": "network" }, { "type": "ipc" }, { "type": "uts" }, { "type": "mount" }],
    "maskedPaths": ["/proc/acpi", "/proc/asound", "/proc/kcore", "/proc/keys", "/proc/latency_stats", "/proc/timer_list", "/proc/timer_stats", "/proc/sched_debug", "/sys/firmware", "/proc/scsi"],
    "readonlyPaths": ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"]
  }
})";

/// For a user without rights: a user namespace in which they are root, no network of its own, no limits, and /sys from
/// the host, since nobody may mount a new one.
void make_rootless(ordered_json& spec) {
  ordered_json& linux = spec["linux"];
  ordered_json kept = ordered_json::array();
  for (const ordered_json& item : linux["namespaces"]) {
    if (item["type"] != "network") kept.push_back(item);
  }
  kept.push_back({{"type", "user"}});
  linux["namespaces"] = kept;
  linux["uidMappings"] = {{{"containerID", 0}, {"hostID", geteuid()}, {"size", 1}}};
  linux["gidMappings"] = {{{"containerID", 0}, {"hostID", getegid()}, {"size", 1}}};
  linux.erase("resources");
  for (ordered_json& mount : spec["mounts"]) {
    if (mount["destination"] == "/sys") {
      mount = {{"destination", "/sys"},
               {"type", "none"},
               {"source", "/sys"},
               {"options", {"rbind", "nosuid", "noexec", "nodev", "ro"}}};
    }
    // No group 5 is mapped.
    if (mount["destination"] == "/dev/pts") mount["options"].erase(mount["options"].size() - 1);
  }
}

}  // namespace

int run_spec(const Globals&, const Words& words) {
  const Options options(words, {{"bundle", 'b', true}, {"rootless", 0, false}}, false);
  options.expect_arguments("spec", 0, 0);
  const std::string path = options.value("bundle", ".") + "/config.json";
  ordered_json spec = ordered_json::parse(kSpec);
  spec["ociVersion"] = kSpecVersion;
  // On v1 it would hide the groups' names from tools of old, so that runc leaves it out there.
  if (cgroup_system().is_unified) spec["linux"]["namespaces"].push_back({{"type", "cgroup"}});
  if (options.has("rootless")) make_rootless(spec);
  const UniqueFd fd = try_open_file(path, O_WRONLY | O_CREAT | O_EXCL, 0666);
  if (!fd && errno == EEXIST) throw_invalid("write config", "File config.json exists. Remove it first");
  if (!fd) throw_errno("write config", "open", path);
  const std::string text = spec.dump(2) + "\n";
  if (write(fd.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size()))
    throw_errno("write config", "write", path);
  return 0;
}

}  // namespace tsc::cli
