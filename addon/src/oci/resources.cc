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
  // Letters of no meaning are passed over, as runc does; but a rule must be left.
  std::erase_if(rule.access, [](char letter) { return letter != 'r' && letter != 'w' && letter != 'm'; });
  if (rule.access.empty()) reader.complain("access", "not of r, w, m");
  return rule;
}

std::vector<ThrottleDevice> parse_throttles(const Reader& reader, const char* key) {
  std::vector<ThrottleDevice> result;
  reader.objects(key, [&](const Reader& item) {
    result.push_back({item.natural32("major"), item.natural32("minor"), item.natural("rate")});
  });
  return result;
}

std::optional<std::uint16_t> parse_weight(const Reader& reader, const char* key) {
  const auto weight = reader.maybe_natural(key);
  if (weight && *weight > UINT16_MAX) reader.complain(key, "larger than 16 bits");
  if (!weight || *weight == 0) return std::nullopt;  // 0 means "not given": older callers send it
  return static_cast<std::uint16_t>(*weight);
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
  memory.kernel = reader.maybe_integer("kernel");
  memory.kernel_tcp = reader.maybe_integer("kernelTCP");
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
  block_io.weight = parse_weight(reader, "weight");
  block_io.leaf_weight = parse_weight(reader, "leafWeight");
  reader.objects("weightDevice", [&](const Reader& item) {
    block_io.weight_device.push_back({item.natural32("major"), item.natural32("minor"), parse_weight(item, "weight"),
                                      parse_weight(item, "leafWeight")});
  });
  block_io.read_bps = parse_throttles(reader, "throttleReadBpsDevice");
  block_io.write_bps = parse_throttles(reader, "throttleWriteBpsDevice");
  block_io.read_iops = parse_throttles(reader, "throttleReadIOPSDevice");
  block_io.write_iops = parse_throttles(reader, "throttleWriteIOPSDevice");
}

/// "2MB", "1GB": a name that becomes part of a file name, so nothing else may stand in it.
std::string parse_page_size(const Reader& reader) {
  const std::string size = reader.text("pageSize");
  const size_t digits = size.find_first_not_of("0123456789");
  const std::string unit = digits == std::string::npos ? "" : size.substr(digits);
  if (digits == 0 || size[0] == '0' || (unit != "KB" && unit != "MB" && unit != "GB")) {
    reader.complain("pageSize", "\"" + size + "\" is not a size such as 2MB");
  }
  return size;
}

void parse_network(const Reader& reader, Resources& resources) {
  if (reader.has("classID")) resources.network.class_id = reader.natural32("classID");
  reader.objects("priorities", [&](const Reader& item) {
    const std::string name = item.text("name");
    if (name.empty() || name.find_first_of(" \n\t/") != std::string::npos)
      item.complain("name", "not an interface name");
    resources.network.priorities.emplace_back(name, item.natural32("priority"));
  });
}

void parse_rdma(const Reader& reader, Resources& resources) {
  for (const auto& [device, value] : reader.value().items()) {
    if (device.find_first_of(" \n\t") != std::string::npos) reader.complain(device.c_str(), "not a device name");
    reader.object(device.c_str(), [&, name = device](const Reader& item) {
      RdmaLimit limit;
      if (item.has("hcaHandles")) limit.hca_handles = item.natural32("hcaHandles");
      if (item.has("hcaObjects")) limit.hca_objects = item.natural32("hcaObjects");
      if (!limit.hca_handles && !limit.hca_objects) item.complain("hcaHandles", "neither it nor hcaObjects is given");
      resources.rdma[name] = limit;
    });
  }
}

void parse_unified(const Reader& reader, Resources& resources) {
  resources.unified = reader.text_map("unified");
  for (const auto& [file, value] : resources.unified) {
    if (file.find('/') != std::string::npos)
      reader.complain("unified", "\"" + file + "\" must be a file name (no slashes)");
    const size_t dot = file.find('.');
    if (dot == std::string::npos || dot == 0)
      reader.complain("unified", "\"" + file + "\" must be in the form CONTROLLER.PARAMETER");
  }
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
    resources.hugepage_limits.emplace_back(parse_page_size(item), item.natural("limit"));
  });
  reader.object("network", [&](const Reader& item) { parse_network(item, resources); });
  reader.object("rdma", [&](const Reader& item) { parse_rdma(item, resources); });
  parse_unified(reader, resources);
  return resources;
}

Resources parse_resources(const std::string& text) {
  const nlohmann::json value = parse_object(text, "resources");
  return read_resources(Reader(value, "resources"));
}

}  // namespace tsc::oci
