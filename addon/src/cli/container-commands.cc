// state, list, ps, kill, delete, pause, resume, update and events on the command line.
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <iterator>
#include <iostream>
#include <nlohmann/json.hpp>

#include "cli/commands.h"
#include "cli/options.h"
#include "linux/error.h"
#include "linux/file.h"
#include "runtime/state-store.h"
#include "runtime/status.h"

namespace tsc::cli {
namespace {

using nlohmann::ordered_json;

ordered_json to_json(const ContainerState& state) {
  ordered_json value = {{"ociVersion", state.oci_version}, {"id", state.id},         {"pid", state.pid},
                        {"status", state.status},          {"bundle", state.bundle}, {"rootfs", state.rootfs},
                        {"created", state.created}};
  if (!state.annotations.empty()) value["annotations"] = state.annotations;
  return value;
}

void print(const ordered_json& value, int indent = 2) {
  const std::string text = value.dump(indent, ' ', false, nlohmann::json::error_handler_t::replace);
  printf("%s\n", text.c_str());
}

int signal_number(std::string text) {
  if (!text.empty() && text.find_first_not_of("0123456789") == std::string::npos)
    return static_cast<int>(to_integer("signal", text));
  for (char& letter : text) letter = static_cast<char>(toupper(letter));
  if (text.rfind("SIG", 0) == 0) text.erase(0, 3);
  for (int number = 1; number < 32; ++number) {
    const char* name = sigabbrev_np(number);
    if (name != nullptr && text == name) return number;
  }
  if (text.rfind("RTMIN", 0) == 0) return SIGRTMIN + (text.size() > 5 ? atoi(text.c_str() + 5) : 0);
  if (text.rfind("RTMAX", 0) == 0) return SIGRTMAX + (text.size() > 5 ? atoi(text.c_str() + 5) : 0);
  throw_invalid("command line", "unknown signal " + text);
}

std::string owner_of(const std::string& path) {
  struct stat found;
  if (stat(path.c_str(), &found) != 0) return "";
  return found.st_uid == 0 ? "root" : "#" + std::to_string(found.st_uid);
}

ordered_json stats_json(const ContainerStats& stats) {
  return {{"cpu",
           {{"usage",
             {{"total", stats.cpu.usage_ns},
              {"percpu", stats.cpu.per_cpu_ns},
              {"kernel", stats.cpu.system_ns},
              {"user", stats.cpu.user_ns}}},
            {"throttling",
             {{"periods", stats.cpu.periods},
              {"throttledPeriods", stats.cpu.throttled_periods},
              {"throttledTime", stats.cpu.throttled_ns}}}}},
          {"memory",
           {{"usage",
             {{"limit", stats.memory.limit_bytes},
              {"usage", stats.memory.usage_bytes},
              {"max", stats.memory.max_usage_bytes},
              {"failcnt", stats.memory.failcnt}}},
            {"raw", stats.memory.stat}}},
          {"pids", {{"current", stats.pids.current}, {"limit", stats.pids.limit}}}};
}

void set_number(ordered_json& parent, const char* part, const char* key, const Options& options, const char* name) {
  if (options.has(name)) parent[part][key] = to_integer(std::string("--") + name, options.value(name));
}

}  // namespace

int run_state(const Globals& globals, const Words& words) {
  const Options options(words, {}, false);
  print(to_json(container_state(globals.config, options.argument(0, "container id"))));
  return 0;
}

int run_list(const Globals& globals, const Words& words) {
  const Options options(words, {{"format", 'f', true}, {"quiet", 'q', false}}, false);
  ordered_json all = ordered_json::array();
  for (const std::string& id : StateStore(globals.config.root).list()) {
    try {
      ordered_json item = to_json(container_state(globals.config, id));
      item["owner"] = owner_of(globals.config.root + "/" + id);
      all.push_back(item);
    } catch (const RuntimeError& error) {
      if (error.reason != Reason::not_found) throw;  // deleted meanwhile
    }
  }
  if (options.has("quiet")) {
    for (const auto& item : all) printf("%s\n", item["id"].get_ref<const std::string&>().c_str());
  } else if (options.value("format") == "json") {
    print(all, -1);
  } else {
    printf("%-12s %-8s %-10s %-30s %-32s %s\n", "ID", "PID", "STATUS", "BUNDLE", "CREATED", "OWNER");
    for (const auto& item : all) {
      const auto text = [&item](const char* key) { return item[key].get<std::string>(); };
      printf("%-12s %-8d %-10s %-30s %-32s %s\n", text("id").c_str(), item["pid"].get<int>(), text("status").c_str(),
             text("bundle").c_str(), text("created").c_str(), text("owner").c_str());
    }
  }
  return 0;
}

int run_ps(const Globals& globals, const Words& words) {
  const Options options(words, {{"format", 'f', true}}, true);
  const std::vector<pid_t> pids = container_pids(globals.config, options.argument(0, "container id"));
  if (options.value("format") == "json") {
    print(ordered_json(pids), -1);
    return 0;
  }
  std::string list;
  for (const pid_t pid : pids) list += (list.empty() ? "" : ",") + std::to_string(pid);
  if (list.empty()) return 0;
  FILE* ps = popen(("ps -fp " + list).c_str(), "r");
  if (ps == nullptr) throw_errno("list processes", "popen", "ps");
  char line[4096];
  while (fgets(line, sizeof line, ps) != nullptr) fputs(line, stdout);
  return pclose(ps) == 0 ? 0 : 1;
}

int run_kill(const Globals& globals, const Words& words) {
  const Options options(words, {{"all", 'a', false}}, false);
  const std::string& id = options.argument(0, "container id");
  const std::string signal = options.arguments().size() > 1 ? options.arguments()[1] : "TERM";
  kill_process(globals.config, id, "", signal_number(signal), options.has("all"));
  return 0;
}

int run_delete(const Globals& globals, const Words& words) {
  const Options options(words, {{"force", 'f', false}}, false);
  log_warnings(globals,
               delete_container(globals.config, options.argument(0, "container id"), options.has("force")));
  return 0;
}

int run_pause(const Globals& globals, const Words& words) {
  pause_container(globals.config, Options(words, {}, false).argument(0, "container id"));
  return 0;
}

int run_resume(const Globals& globals, const Words& words) {
  resume_container(globals.config, Options(words, {}, false).argument(0, "container id"));
  return 0;
}

int run_update(const Globals& globals, const Words& words) {
  const Options options(words,
                        {{"resources", 'r', true},
                         {"blkio-weight", 0, true},
                         {"cpu-period", 0, true},
                         {"cpu-quota", 0, true},
                         {"cpu-burst", 0, true},
                         {"cpu-share", 0, true},
                         {"cpu-rt-period", 0, true},
                         {"cpu-rt-runtime", 0, true},
                         {"cpu-idle", 0, true},
                         {"cpuset-cpus", 0, true},
                         {"cpuset-mems", 0, true},
                         {"memory", 0, true},
                         {"memory-reservation", 0, true},
                         {"memory-swap", 0, true},
                         {"pids-limit", 0, true}},
                        false);
  const std::string& id = options.argument(0, "container id");
  if (options.has("resources")) {
    const std::string path = options.value("resources");
    const std::string text =
        path == "-" ? std::string(std::istreambuf_iterator<char>(std::cin), {}) : read_file("read resources", path);
    update_container(globals.config, id, text);
    return 0;
  }
  ordered_json resources = ordered_json::object();
  set_number(resources, "blockIO", "weight", options, "blkio-weight");
  set_number(resources, "cpu", "period", options, "cpu-period");
  set_number(resources, "cpu", "quota", options, "cpu-quota");
  set_number(resources, "cpu", "burst", options, "cpu-burst");
  set_number(resources, "cpu", "shares", options, "cpu-share");
  set_number(resources, "cpu", "realtimePeriod", options, "cpu-rt-period");
  set_number(resources, "cpu", "realtimeRuntime", options, "cpu-rt-runtime");
  set_number(resources, "cpu", "idle", options, "cpu-idle");
  set_number(resources, "memory", "limit", options, "memory");
  set_number(resources, "memory", "reservation", options, "memory-reservation");
  set_number(resources, "memory", "swap", options, "memory-swap");
  set_number(resources, "pids", "limit", options, "pids-limit");
  if (options.has("cpuset-cpus")) resources["cpu"]["cpus"] = options.value("cpuset-cpus");
  if (options.has("cpuset-mems")) resources["cpu"]["mems"] = options.value("cpuset-mems");
  update_container(globals.config, id, resources.dump());
  return 0;
}

int run_events(const Globals& globals, const Words& words) {
  const Options options(words, {{"stats", 0, false}, {"interval", 0, true}}, false);
  const std::string& id = options.argument(0, "container id");
  const int interval_ms = static_cast<int>(to_integer("--interval", options.value("interval", "5"))) * 1000;
  const auto print_stats = [&] {
    print({{"type", "stats"}, {"id", id}, {"data", stats_json(container_stats(globals.config, id))}}, -1);
    fflush(stdout);
  };
  if (options.has("stats")) {
    print_stats();
    return 0;
  }
  const UniqueFd oom = open_oom_events(globals.config, id);
  while (container_state(globals.config, id).status != "stopped") {
    pollfd watched = {oom.get(), POLLIN, 0};
    if (::poll(&watched, 1, interval_ms) > 0 && acknowledge_oom(globals.config, id, oom.get())) {
      print({{"type", "oom"}, {"id", id}}, -1);
      fflush(stdout);
    } else {
      print_stats();
    }
  }
  return 0;
}

}  // namespace tsc::cli
