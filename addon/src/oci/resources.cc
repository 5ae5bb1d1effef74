// linux.resources of config.json, also the body of `update`. runtime-spec config-linux.md, "Control groups"
#include "linux/error.h"
#include "oci/config.h"
#include "oci/json-reader.h"
#include "oci/parts.h"

namespace tsc::oci {
namespace {

DeviceRule parse_device_rule(const Reader& reader) {
  DeviceRule rule;
  rule.allow = reader.boolean("allow");
  const std::string type = reader.text("type", "a");
  if (type != "a" && type != "c" && type != "b" && !type.empty())
    reader.complain("type", "unknown device type " + type);
  rule.type = type.empty() ? 'a' : type[0];
  rule.major = reader.integer("major", -1);
  rule.minor = reader.integer("minor", -1);
  rule.access = reader.text("access", "rwm");
  if (rule.access.empty()) rule.access = "rwm";
  if (rule.access.find_first_not_of("rwm") != std::string::npos) reader.complain("access", "not of r, w, m");
  return rule;
}

std::vector<ThrottleDevice> parse_throttles(const Reader& reader, const char* key, const char* value) {
  std::vector<ThrottleDevice> result;
  reader.objects(key, [&](const Reader& item) {
    result.push_back({item.natural32("major"), item.natural32("minor"), item.natural(value)});
  });
  return result;
}

void parse_memory(const Reader& reader, Resources& resources) {
  auto& memory = resources.memory;
  memory.limit = reader.maybe_integer("limit");
  memory.reservation = reader.maybe_integer("reservation");
  memory.swap = reader.maybe_integer("swap");
  memory.swappiness = reader.maybe_natural("swappiness");
  memory.disable_oom_killer = reader.maybe_boolean("disableOOMKiller");
  memory.use_hierarchy = reader.maybe_boolean("useHierarchy");
  memory.check_before_update = reader.maybe_boolean("checkBeforeUpdate");
  // `kernel` and `kernelTCP` are deprecated by the kernel and, by the specification, may be ignored.
}

void parse_cpu(const Reader& reader, Resources& resources) {
  auto& cpu = resources.cpu;
  cpu.shares = reader.maybe_natural("shares");
  cpu.quota = reader.maybe_integer("quota");
  cpu.period = reader.maybe_natural("period");
  cpu.burst = reader.maybe_natural("burst");
  cpu.realtime_runtime = reader.maybe_integer("realtimeRuntime");
  cpu.realtime_period = reader.maybe_natural("realtimePeriod");
  cpu.idle = reader.maybe_integer("idle");
  cpu.cpus = reader.text("cpus");
  cpu.mems = reader.text("mems");
}

void parse_block_io(const Reader& reader, Resources& resources) {
  auto& block_io = resources.block_io;
  if (reader.has("weight")) block_io.weight = static_cast<std::uint16_t>(reader.natural("weight"));
  if (reader.has("leafWeight")) block_io.leaf_weight = static_cast<std::uint16_t>(reader.natural("leafWeight"));
  block_io.weight_device = parse_throttles(reader, "weightDevice", "weight");
  block_io.read_bps = parse_throttles(reader, "throttleReadBpsDevice", "rate");
  block_io.write_bps = parse_throttles(reader, "throttleWriteBpsDevice", "rate");
  block_io.read_iops = parse_throttles(reader, "throttleReadIOPSDevice", "rate");
  block_io.write_iops = parse_throttles(reader, "throttleWriteIOPSDevice", "rate");
}

}  // namespace

Resources read_resources(const Reader& reader) {
  Resources resources;
  reader.objects("devices", [&](const Reader& item) { resources.devices.push_back(parse_device_rule(item)); });
  reader.object("memory", [&](const Reader& item) { parse_memory(item, resources); });
  reader.object("cpu", [&](const Reader& item) { parse_cpu(item, resources); });
  reader.object("pids", [&](const Reader& item) { resources.pids_limit = item.maybe_integer("limit"); });
  reader.object("blockIO", [&](const Reader& item) { parse_block_io(item, resources); });
  reader.objects("hugepageLimits", [&](const Reader& item) {
    resources.hugepage_limits.emplace_back(item.text("pageSize"), item.natural("limit"));
  });
  resources.unified = reader.text_map("unified");
  reader.refuse("rdma");
  reader.refuse("network");
  return resources;
}

Resources parse_resources(const std::string& text) {
  const nlohmann::json value = parse_object(text, "resources");
  return read_resources(Reader(value, "resources"));
}

}  // namespace tsc::oci
