// The linux object of config.json. runtime-spec config-linux.md
#include <linux/sched.h>
#include <sys/personality.h>

#include "oci/config.h"
#include "oci/json-reader.h"
#include "oci/parts.h"

namespace tsc::oci {
namespace {

void parse_namespaces(const Reader& reader, Linux& result) {
  reader.objects("namespaces", [&](const Reader& item) {
    const std::string word = item.text("type");
    const Namespace found{namespace_flag(word), item.text("path")};
    if (found.type == 0) item.complain("type", "unknown namespace " + word);
    if (result.has_namespace(found.type)) item.complain("type", word + " is given twice");
    if (!found.path.empty() && found.path[0] != '/') item.complain("path", "not an absolute path");
    result.namespaces.push_back(found);
  });
}

void parse_devices(const Reader& reader, Linux& result) {
  reader.objects("devices", [&](const Reader& item) {
    Device device;
    device.type = item.text("type");
    device.path = item.text("path");
    if (device.type != "c" && device.type != "u" && device.type != "b" && device.type != "p") {
      item.complain("type", "unknown device type " + device.type);
    }
    if (device.path.empty() || device.path[0] != '/') item.complain("path", "not an absolute path");
    device.major = item.integer("major");
    device.minor = item.integer("minor");
    device.file_mode = item.natural32("fileMode", 0666);
    device.uid = item.natural32("uid");
    device.gid = item.natural32("gid");
    result.devices.push_back(device);
  });
}

void parse_time_offsets(const Reader& reader, Linux& result) {
  for (const char* clock : {"monotonic", "boottime"}) {
    reader.object(clock, [&](const Reader& item) {
      result.time_offsets[clock] = {item.integer("secs"), item.natural32("nanosecs")};
    });
  }
}

void parse_personality(const Reader& reader, Linux& result) {
  const std::string domain = reader.text("domain");
  if (domain == "LINUX") {
    result.personality = PER_LINUX;
  } else if (domain == "LINUX32") {
    result.personality = PER_LINUX32;
  } else {
    reader.complain("domain", "unknown personality " + domain);
  }
  reader.refuse("flags");
}

void parse_intel_rdt(const Reader& reader, Linux& result) {
  IntelRdt wanted{reader.text("closID"), reader.text("l3CacheSchema"), reader.text("memBwSchema"),
                  reader.texts("schemata"), reader.boolean("enableMonitoring")};
  // "/" is the group that every process begins in.
  const bool is_path = wanted.clos_id.size() > 1 && wanted.clos_id.find('/') != std::string::npos;
  if (wanted.clos_id == "." || wanted.clos_id == ".." || is_path) {
    reader.complain("closID", "not the name of a directory");
  }
  result.intel_rdt = std::move(wanted);
}

/// The kernel's rules for the name of an interface (dev_valid_name); `%d` asks for the first free number.
bool is_interface_name(const std::string& name) {
  if (name.empty() || name.size() > 15 || name == "." || name == "..") return false;
  return name.find_first_of("/: \t\n\v\f\r") == std::string::npos;
}

void parse_net_devices(const Reader& reader, Linux& result) {
  reader.object("netDevices", [&](const Reader& devices) {
    for (const auto& [name, value] : devices.value().items()) {
      if (!is_interface_name(name)) devices.complain(name.c_str(), "not the name of a network device");
      std::string inside = name;
      devices.object(name.c_str(), [&](const Reader& item) {
        if (item.has("name")) inside = item.text("name");
        if (!is_interface_name(inside)) item.complain("name", inside + " is not the name of a network device");
      });
      for (const auto& [other, taken] : result.net_devices) {
        if (taken == inside && inside.find('%') == std::string::npos) devices.complain(name.c_str(), inside + " is given twice");
      }
      result.net_devices[name] = inside;
    }
  });
}

}  // namespace

std::vector<IdMapping> read_id_mappings(const Reader& reader, const char* key) {
  std::vector<IdMapping> result;
  reader.objects(key, [&](const Reader& item) {
    result.push_back({item.natural32("containerID"), item.natural32("hostID"), item.natural32("size")});
  });
  // The kernel takes at most 340 lines; a longer text is also how CVE-2021-43784 began.
  if (result.size() > 340) reader.complain(key, "more than 340 mappings");
  return result;
}

std::uint64_t namespace_flag(const std::string& word) {
  if (word == "pid") return CLONE_NEWPID;
  if (word == "network") return CLONE_NEWNET;
  if (word == "mount") return CLONE_NEWNS;
  if (word == "ipc") return CLONE_NEWIPC;
  if (word == "uts") return CLONE_NEWUTS;
  if (word == "user") return CLONE_NEWUSER;
  if (word == "cgroup") return CLONE_NEWCGROUP;
  if (word == "time") return CLONE_NEWTIME;
  return 0;
}

const Namespace* Linux::find_namespace(std::uint64_t type) const {
  for (const Namespace& item : namespaces) {
    if (item.type == type) return &item;
  }
  return nullptr;
}

bool Linux::has_namespace(std::uint64_t type) const { return find_namespace(type) != nullptr; }

Linux read_linux(const Reader& reader) {
  Linux result;
  parse_namespaces(reader, result);
  result.uid_mappings = read_id_mappings(reader, "uidMappings");
  result.gid_mappings = read_id_mappings(reader, "gidMappings");
  reader.object("timeOffsets", [&](const Reader& item) { parse_time_offsets(item, result); });
  parse_devices(reader, result);
  result.cgroups_path = reader.text("cgroupsPath");
  reader.object("resources", [&](const Reader& item) { result.resources = read_resources(item); });
  result.rootfs_propagation = reader.text("rootfsPropagation");
  result.sysctl = reader.text_map("sysctl");
  result.masked_paths = reader.texts("maskedPaths");
  result.readonly_paths = reader.texts("readonlyPaths");
  result.mount_label = reader.text("mountLabel");
  if (reader.has("seccomp")) result.seccomp = reader.at("seccomp").dump();
  reader.object("personality", [&](const Reader& item) { parse_personality(item, result); });
  reader.object("intelRdt", [&](const Reader& item) { parse_intel_rdt(item, result); });
  reader.object("memoryPolicy", [&](const Reader& item) { result.memory_policy = read_memory_policy(item); });
  parse_net_devices(reader, result);
  return result;
}

}  // namespace tsc::oci
