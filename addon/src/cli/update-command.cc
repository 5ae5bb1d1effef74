// update on the command line: a resources object from a file, or made of the flags.
#include <iostream>
#include <iterator>
#include <nlohmann/json.hpp>

#include "cli/commands.h"
#include "cli/options.h"
#include "cli/quantities.h"
#include "linux/error.h"
#include "linux/file.h"

namespace tsc::cli {
namespace {

using nlohmann::json;

enum class Form { number, bytes, text };

struct Flag {
  const char* name;
  const char* section;  // of linux.resources
  const char* field;
  Form form;
};

constexpr Flag kFlags[] = {
    {"blkio-weight", "blockIO", "weight", Form::number},
    {"cpu-period", "cpu", "period", Form::number},
    {"cpu-quota", "cpu", "quota", Form::number},
    {"cpu-burst", "cpu", "burst", Form::number},
    {"cpu-share", "cpu", "shares", Form::number},
    {"cpu-rt-period", "cpu", "realtimePeriod", Form::number},
    {"cpu-rt-runtime", "cpu", "realtimeRuntime", Form::number},
    {"cpu-idle", "cpu", "idle", Form::number},
    {"cpuset-cpus", "cpu", "cpus", Form::text},
    {"cpuset-mems", "cpu", "mems", Form::text},
    {"kernel-memory", "memory", "kernel", Form::bytes},
    {"kernel-memory-tcp", "memory", "kernelTCP", Form::bytes},
    {"memory", "memory", "limit", Form::bytes},
    {"memory-reservation", "memory", "reservation", Form::bytes},
    {"memory-swap", "memory", "swap", Form::bytes},
    {"pids-limit", "pids", "limit", Form::number},
};

std::vector<Option> known_options() {
  std::vector<Option> known = {{"resources", 'r', true}, {"l3-cache-schema", 0, true}, {"mem-bw-schema", 0, true}};
  for (const Flag& flag : kFlags) known.push_back({flag.name, 0, true});
  return known;
}

json value_of(const Flag& flag, const std::string& text) {
  switch (flag.form) {
    case Form::number: return to_integer(flag.name, text);
    case Form::bytes: return to_bytes(flag.name, text);
    case Form::text: return text;
  }
  return nullptr;
}

std::string resources_of(const Options& options) {
  if (options.has("resources")) {
    const std::string path = options.value("resources");
    if (path == "-") return std::string(std::istreambuf_iterator<char>(std::cin), {});
    return read_file("read resources", path);
  }
  json resources = json::object();
  for (const Flag& flag : kFlags) {
    const std::string text = options.value(flag.name);
    if (!text.empty()) resources[flag.section][flag.field] = value_of(flag, text);
  }
  return resources.dump();
}

void update_schemata(const Globals& globals, const Options& options, const std::string& id) {
  const std::string l3_cache = options.value("l3-cache-schema");
  const std::string memory_bandwidth = options.value("mem-bw-schema");
  if (l3_cache.empty() && memory_bandwidth.empty()) return;
  update_cache_schemata(globals.config, id, l3_cache, memory_bandwidth);
}

}  // namespace

int run_update(const Globals& globals, const Words& words) {
  const Options options(words, known_options(), false);
  options.expect_arguments("update", 1, 1);
  const std::string& id = options.arguments()[0];
  if (options.has("kernel-memory") || options.has("kernel-memory-tcp"))
    log_line(globals, "warning", "Kernel memory settings are ignored and will be removed");
  update_schemata(globals, options, id);
  log_warnings(globals, update_container(globals.config, id, resources_of(options)));
  return 0;
}

}  // namespace tsc::cli
