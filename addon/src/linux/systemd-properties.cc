// Limits as properties of a systemd unit: see the header. Needs systemd 244, for AllowedCPUs.
#include "linux/systemd-properties.h"

#include <algorithm>
#include <sstream>

#include "linux/error.h"
#include "linux/file.h"
#include "linux/limit-files.h"

namespace tsc {
namespace {

constexpr std::uint64_t kInfinity = UINT64_MAX;
constexpr std::uint64_t kDefaultPeriodUs = 100000;
constexpr std::uint64_t kMaxCpu = 8191;

class Properties {
 public:
  void add(const char* name, DbusValue value) { list_.push_back({name, std::move(value)}); }
  /// 0 means "not given", a negative value no limit.
  void add_limit(const char* name, const std::optional<std::int64_t>& value) {
    if (value && *value != 0) add(name, *value < 0 ? kInfinity : static_cast<std::uint64_t>(*value));
  }
  std::vector<DbusProperty> take() { return std::move(list_); }

 private:
  std::vector<DbusProperty> list_;
};

void add_bandwidth(Properties& properties, std::int64_t quota, std::uint64_t period) {
  if (quota == 0 && period == 0) return;
  if (period != 0) properties.add("CPUQuotaPeriodUSec", period);
  const std::uint64_t each = period == 0 ? kDefaultPeriodUs : period;
  properties.add("CPUQuotaPerSecUSec", quota > 0 ? static_cast<std::uint64_t>(quota) * 1000000 / each : kInfinity);
}

void add_cpu(Properties& properties, const oci::Resources& resources, int version) {
  const auto& cpu = resources.cpu;
  if (version == 2 && cpu.idle.value_or(0) == 1) {
    properties.add("CPUWeight", std::uint64_t{0});  // systemd 252's word for cpu.idle
  } else if (cpu.shares.value_or(0) != 0) {
    if (version == 2) {
      properties.add("CPUWeight", cpu_weight_from_shares(*cpu.shares));
    } else {
      properties.add("CPUShares", *cpu.shares);
    }
  }
  add_bandwidth(properties, cpu.quota.value_or(0), cpu.period.value_or(0));
  if (!cpu.cpus.empty()) properties.add("AllowedCPUs", cpu_bits(cpu.cpus));
  if (!cpu.mems.empty()) properties.add("AllowedMemoryNodes", cpu_bits(cpu.mems));
}

void add_memory(Properties& properties, const oci::Resources& resources, int version) {
  const auto& memory = resources.memory;
  properties.add_limit(version == 2 ? "MemoryMax" : "MemoryLimit", memory.limit);
  if (version == 1) return;
  properties.add_limit("MemoryLow", memory.reservation);
  const std::int64_t limit = memory.limit.value_or(0), swap = memory.swap.value_or(0);
  if (swap < 0 || (swap == 0 && limit < 0)) {
    properties.add("MemorySwapMax", kInfinity);
  } else if (limit > 0 && swap >= limit) {
    properties.add("MemorySwapMax", static_cast<std::uint64_t>(swap - limit));
  }
}

std::uint64_t number_or_max(const std::string& text) {
  return text.rfind("max", 0) == 0 ? kInfinity : std::strtoull(text.c_str(), nullptr, 10);
}

/// What of linux.resources.unified systemd has words for; the rest is only written to the files.
void add_unified(Properties& properties, const oci::Resources& resources) {
  struct Word {
    const char* file;
    const char* property;
  };
  constexpr Word kNumbers[] = {{"cpu.weight", "CPUWeight"}, {"memory.high", "MemoryHigh"},
                               {"memory.low", "MemoryLow"}, {"memory.max", "MemoryMax"},
                               {"memory.min", "MemoryMin"}, {"memory.swap.max", "MemorySwapMax"},
                               {"pids.max", "TasksMax"}};
  for (const auto& [file, value] : resources.unified) {
    for (const Word& word : kNumbers) {
      if (file == word.file) properties.add(word.property, number_or_max(value));
    }
    if (file == "cpuset.cpus") properties.add("AllowedCPUs", cpu_bits(value));
    if (file == "cpuset.mems") properties.add("AllowedMemoryNodes", cpu_bits(value));
    if (file == "cpu.max") {
      std::istringstream words(value);
      std::string quota;
      std::uint64_t period = kDefaultPeriodUs;
      words >> quota >> period;
      add_bandwidth(properties, quota == "max" ? -1 : std::strtoll(quota.c_str(), nullptr, 10), period);
    }
  }
}

/// "pts" for character major 136, from /proc/devices; "" when nobody has that major.
std::string device_group(char type, std::int64_t major) {
  std::istringstream lines(read_file("find device group", "/proc/devices"));
  std::string line;
  bool is_ours = false;
  while (std::getline(lines, line)) {
    if (!line.empty() && line.back() == ':') {
      is_ours = line == (type == 'b' ? "Block devices:" : "Character devices:");
      continue;
    }
    std::int64_t number;
    std::string name;
    if (is_ours && std::istringstream(line) >> number >> name && number == major) return name;
  }
  return "";
}

/// "/dev/char/1:3", "char-pts", "char-*"; "" for what systemd cannot say.
std::string device_specifier(const oci::DeviceRule& rule) {
  const std::string kind = rule.type == 'b' ? "block" : "char";
  if (rule.major < 0) return kind + "-*";
  if (rule.minor >= 0) return "/dev/" + kind + "/" + std::to_string(rule.major) + ":" + std::to_string(rule.minor);
  const std::string group = device_group(rule.type, rule.major);
  return group.empty() ? "" : kind + "-" + group;
}

/// systemd has lists of what is allowed only. Rules that take something out of "everything" leave it at everything, and
/// our own writes into devices.deny stand.
void add_devices(Properties& properties, const oci::Resources& resources) {
  if (resources.devices.empty()) return;
  std::vector<std::pair<std::string, std::string>> allowed;
  bool is_everything = true;
  for (const oci::DeviceRule& rule : resources.devices) {
    if (rule.type == 'a') {
      is_everything = rule.allow;
      allowed.clear();
      continue;
    }
    const std::string specifier = device_specifier(rule);
    if (is_everything || specifier.empty()) continue;
    if (rule.allow) {
      allowed.emplace_back(specifier, rule.access);
    } else {
      for (auto& [other, access] : allowed) {
        if (other == specifier)
          std::erase_if(access, [&](char letter) { return rule.access.find(letter) != std::string::npos; });
      }
      std::erase_if(allowed, [](const auto& entry) { return entry.second.empty(); });
    }
  }
  properties.add("DevicePolicy", std::string(is_everything ? "auto" : "strict"));
  properties.add("DeviceAllow", std::vector<std::pair<std::string, std::string>>());  // an empty list clears
  if (!is_everything) properties.add("DeviceAllow", allowed);
}

}  // namespace

std::vector<std::uint8_t> cpu_bits(const std::string& list) {
  std::vector<std::uint8_t> bits;
  std::istringstream ranges(list);
  std::string range;
  const auto refuse = [&list] {
    throw_invalid("set limits", "linux.resources.cpu: \"" + list + "\" is not a list of numbers");
  };
  while (std::getline(ranges, range, ',')) {
    std::istringstream words(range);
    std::uint64_t first, last;
    char dash;
    if (!(words >> first)) refuse();
    last = first;
    if (words >> dash && (dash != '-' || !(words >> last))) refuse();
    if (first > last || last > kMaxCpu) refuse();
    for (std::uint64_t each = first; each <= last; ++each) {
      if (bits.size() <= each / 8) bits.resize(each / 8 + 1);
      bits[each / 8] = static_cast<std::uint8_t>(bits[each / 8] | 1 << each % 8);
    }
  }
  if (bits.empty()) refuse();
  return bits;
}

std::vector<DbusProperty> resource_properties(const oci::Resources& resources, int version) {
  Properties properties;
  add_memory(properties, resources, version);
  add_cpu(properties, resources, version);
  properties.add_limit("TasksMax", resources.pids_limit);
  if (resources.block_io.weight) {
    if (version == 2) {
      properties.add("IOWeight", io_weight_from_block_weight(*resources.block_io.weight));
    } else {
      properties.add("BlockIOWeight", std::uint64_t{*resources.block_io.weight});
    }
  }
  if (version == 2) {
    add_unified(properties, resources);
  } else {
    add_devices(properties, resources);
  }
  return properties.take();
}

}  // namespace tsc
