// events on the command line: figures at an interval and OOM kills as they happen, until the container ends.
#include <poll.h>
#include <stdio.h>
#include <time.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "cli/commands.h"
#include "cli/json-output.h"
#include "cli/options.h"
#include "cli/quantities.h"
#include "cli/resctrl-json.h"
#include "linux/error.h"
#include "linux/pidfd.h"
#include "runtime/state-store.h"

namespace tsc::cli {
namespace {

using nlohmann::ordered_json;

/// As encoding/json's "omitempty": a zero is left out.
void add_unless_zero(ordered_json& object, const char* key, std::uint64_t value) {
  if (value != 0) object[key] = value;
}

template <class Number>
void add_unless_empty(ordered_json& object, const char* key, const std::vector<Number>& values) {
  if (!values.empty()) object[key] = values;
}

ordered_json to_json(const MemoryFigures& figures) {
  ordered_json object = {{"limit", figures.limit}};
  add_unless_zero(object, "usage", figures.usage);
  add_unless_zero(object, "max", figures.max_usage);
  object["failcnt"] = figures.failcnt;
  return object;
}

ordered_json cpu_json(const ContainerStats& stats, const ContainerDetails& details) {
  ordered_json usage = ordered_json::object();
  add_unless_zero(usage, "total", stats.cpu.usage_ns);
  add_unless_empty(usage, "percpu", stats.cpu.per_cpu_ns);
  add_unless_empty(usage, "percpu_kernel", details.per_cpu_system_ns);
  add_unless_empty(usage, "percpu_user", details.per_cpu_user_ns);
  usage["kernel"] = stats.cpu.system_ns;
  usage["user"] = stats.cpu.user_ns;
  ordered_json throttling = ordered_json::object();
  add_unless_zero(throttling, "periods", stats.cpu.periods);
  add_unless_zero(throttling, "throttledPeriods", stats.cpu.throttled_periods);
  add_unless_zero(throttling, "throttledTime", stats.cpu.throttled_ns);
  return {{"usage", usage}, {"throttling", throttling}};
}

ordered_json cpuset_json(const ContainerDetails& details) {
  const auto& cpuset = details.cpuset;
  ordered_json object = ordered_json::object();
  add_unless_empty(object, "cpus", cpuset.cpus);
  object["cpu_exclusive"] = cpuset.cpu_exclusive;
  add_unless_empty(object, "mems", cpuset.mems);
  object["mem_hardwall"] = cpuset.mem_hardwall;
  object["mem_exclusive"] = cpuset.mem_exclusive;
  object["memory_migrate"] = cpuset.memory_migrate;
  object["memory_spread_page"] = cpuset.memory_spread_page;
  object["memory_spread_slab"] = cpuset.memory_spread_slab;
  object["memory_pressure"] = cpuset.memory_pressure;
  object["sched_load_balance"] = cpuset.sched_load_balance;
  object["sched_relax_domain_level"] = cpuset.sched_relax_domain_level;
  return object;
}

ordered_json memory_json(const ContainerStats& stats, const ContainerDetails& details) {
  const auto cached = stats.memory.stat.find(stats.version == 2 ? "file" : "cache");
  ordered_json object = ordered_json::object();
  if (cached != stats.memory.stat.end()) add_unless_zero(object, "cache", cached->second);
  object["usage"] = to_json(MemoryFigures{stats.memory.usage_bytes, stats.memory.limit_bytes,
                                          stats.memory.max_usage_bytes, stats.memory.failcnt});
  object["swap"] = to_json(details.swap);
  object["kernel"] = to_json(details.kernel);
  object["kernelTCP"] = to_json(details.kernel_tcp);
  if (!stats.memory.stat.empty()) object["raw"] = stats.memory.stat;
  return object;
}

ordered_json block_io_json(const ContainerStats& stats) {
  ordered_json bytes = ordered_json::array(), operations = ordered_json::array();
  const auto add = [](ordered_json& list, const BlockIoEntry& entry, std::uint64_t value) {
    ordered_json item = ordered_json::object();
    add_unless_zero(item, "major", entry.major);
    add_unless_zero(item, "minor", entry.minor);
    item["op"] = entry.op;
    add_unless_zero(item, "value", value);
    list.push_back(item);
  };
  for (const BlockIoEntry& entry : stats.blkio) {
    add(bytes, entry, entry.bytes);
    add(operations, entry, entry.operations);
  }
  ordered_json object = ordered_json::object();
  if (!bytes.empty()) object = {{"ioServiceBytesRecursive", bytes}, {"ioServicedRecursive", operations}};
  return object;
}

ordered_json huge_pages_json(const ContainerDetails& details) {
  ordered_json object = ordered_json::object();
  for (const auto& [size, figures] : details.huge_pages) {
    ordered_json item = ordered_json::object();
    add_unless_zero(item, "usage", figures.usage);
    add_unless_zero(item, "max", figures.max_usage);
    item["failcnt"] = figures.failcnt;
    object[size] = item;
  }
  return object;
}

/// runc's types.Stats, field by field.
ordered_json stats_json(const ContainerStats& stats, const ContainerDetails& details, const ResctrlGroup& group) {
  ordered_json pids = ordered_json::object();
  add_unless_zero(pids, "current", stats.pids.current);
  add_unless_zero(pids, "limit", stats.pids.limit);
  return {{"cpu", cpu_json(stats, details)},       {"cpuset", cpuset_json(details)},
          {"memory", memory_json(stats, details)}, {"pids", pids},
          {"blkio", block_io_json(stats)},         {"hugetlb", huge_pages_json(details)},
          {"intel_rdt", resctrl_json(group)},      {"network_interfaces", nullptr}};
}

void print_event(const ordered_json& event) {
  print_json(event, -1);
  fflush(stdout);
}

void print_stats(const Globals& globals, const std::string& id) {
  const ContainerStats stats = container_stats(globals.config, id);
  const ResctrlGroup group = StateStore(globals.config.root).load(id).resctrl;
  print_event({{"type", "stats"}, {"id", id}, {"data", stats_json(stats, container_details(globals.config, id), group)}});
}

std::int64_t now_ms() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<std::int64_t>(now.tv_sec) * 1000 + now.tv_nsec / 1000000;
}

/// Until init ends. An OOM kill of init itself is told before that.
void follow(const Globals& globals, const std::string& id, std::int64_t interval_ms) {
  const ProcessRecord process = StateStore(globals.config.root).load(id).process;
  const UniqueFd init = open_recorded_process(process.pid, process.start_time);
  if (!init) return;
  const UniqueFd oom = open_oom_events(globals.config, id);
  std::int64_t next = now_ms() + interval_ms;
  std::uint64_t known_kills = 0;
  for (;;) {
    const std::int64_t left = std::max<std::int64_t>(0, next - now_ms());
    pollfd watched[2] = {{init.get(), POLLIN, 0}, {oom.get(), POLLIN, 0}};
    const int count = ::poll(watched, 2, static_cast<int>(std::min<std::int64_t>(left, INT32_MAX)));
    if (count < 0 && errno != EINTR) throw_errno("watch events", "poll");
    if (count > 0 && watched[1].revents != 0 && acknowledge_oom(globals.config, id, oom.get(), known_kills))
      print_event({{"type", "oom"}, {"id", id}});
    if (count > 0 && watched[0].revents != 0) return;
    if (now_ms() < next) continue;
    print_stats(globals, id);
    next += interval_ms;
  }
}

}  // namespace

int run_events(const Globals& globals, const Words& words) {
  const Options options(words, {{"stats", 0, false}, {"interval", 0, true}}, false);
  options.expect_arguments("events", 1, 1);
  const std::string& id = options.arguments()[0];
  const std::int64_t interval_ms = to_milliseconds("interval", options.value("interval", "5s"));
  if (interval_ms <= 0) throw_invalid("command line", "duration interval must be greater than 0");
  if (container_state(globals.config, id).status == "stopped") {
    throw RuntimeError("events of container " + id, "", "", 0, "", "container with id " + id + " is not running",
                       Reason::wrong_state);
  }
  if (options.has("stats")) {
    print_stats(globals, id);
  } else {
    follow(globals, id, interval_ms);
  }
  return 0;
}

}  // namespace tsc::cli
