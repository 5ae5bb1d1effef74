// tsrunc: the OCI runtime on the command line, with runc's flags; and, as `tsrunc monitor`, the parent of a container.
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "child/monitor.h"
#include "cli/commands.h"
#include "cli/options.h"
#include "cli/self-protection.h"
#include "linux/error.h"

namespace tsc::cli {
namespace {

constexpr const char* kVersion = "tsrunc version 0.1.0\nspec: 1.2.0\n";
struct Command {
  const char* name;
  int (*run)(const Globals&, const Words&);
};

constexpr Command kCommands[] = {
    {"create", run_create}, {"run", run_run},     {"start", run_start},       {"exec", run_exec},
    {"state", run_state},   {"kill", run_kill},   {"delete", run_delete},     {"list", run_list},
    {"ps", run_ps},         {"pause", run_pause}, {"resume", run_resume},     {"update", run_update},
    {"events", run_events}, {"spec", run_spec},   {"features", run_features},
    {"checkpoint", run_checkpoint},
    {"restore", run_restore},
};

std::string own_path() {
  char path[PATH_MAX];
  const ssize_t length = readlink("/proc/self/exe", path, sizeof path - 1);
  return length < 0 ? "tsrunc" : std::string(path, static_cast<size_t>(length));
}

std::string absolute(const std::string& path) {
  if (!path.empty() && path[0] == '/') return path;
  char current[PATH_MAX];
  return getcwd(current, sizeof current) == nullptr ? path : std::string(current) + "/" + path;
}

Globals read_globals(const Options& options) {
  Globals globals;
  globals.config = {absolute(options.value("root", "/run/tsrunc")), own_path()};
  globals.is_systemd_cgroup = options.has("systemd-cgroup") || options.value("cgroup-manager") == "systemd";
  globals.is_debug = options.has("debug");
  globals.log_path = options.value("log");
  globals.criu = options.value("criu", "criu");
  globals.is_log_json = options.value("log-format") == "json";
  return globals;
}

/// What runc's callers expect of a command that did not come to run: 255 tells it from an exit of exec's process.
int failure_status(const std::string& command, const RuntimeError& error) {
  return command == "exec" ? 255 : exit_status_of(error);
}

int dispatch(const Globals& globals, const std::string& name, const Words& words) {
  if (asks_for_help(words)) {
    if (print_help(name)) return 0;
    fprintf(stderr, "No help topic for '%s'\n", name.c_str());
    return 3;
  }
  for (const Command& command : kCommands) {
    if (name != command.name) continue;
    try {
      return command.run(globals, words);
    } catch (const RuntimeError& error) {
      log_line(globals, "error", error.what());
      // With a log file the caller's stderr still gets the sentence, as runc does it.
      if (!globals.log_path.empty()) fprintf(stderr, "%s\n", error.what());
      return failure_status(name, error);
    }
  }
  fprintf(stderr, "tsrunc: no such command: %s; tsrunc -h lists them\n", name.c_str());
  return 1;
}

int run(const Words& words) {
  const std::vector<Option> known = {{"root", 0, true},
                                     {"log", 0, true},
                                     {"log-format", 0, true},
                                     {"log-level", 0, true},
                                     {"systemd-cgroup", 0, false},
                                     {"cgroup-manager", 0, true},
                                     {"debug", 0, false},
                                     {"rootless", 0, true},
                                     {"version", 'v', false},
                                     {"criu", 0, true},
                                     {"help", 'h', false}};
  try {
    const Options options(words, known, true);
    if (options.has("version")) return fputs(kVersion, stdout) < 0;
    if (options.has("help") || options.arguments().empty()) {
      print_global_help();
      return 0;
    }
    const Words& rest = options.arguments();
    return dispatch(read_globals(options), rest[0], Words(rest.begin() + 1, rest.end()));
  } catch (const RuntimeError& error) {
    fprintf(stderr, "tsrunc: %s\n", error.what());
    return 1;
  }
}

/// A monitor lives as long as its container and should be small: it branches off before the C++ library sets itself
/// up (locales, its reserve for exceptions), which is half of what it would ever touch. Static programs only.
void begin(int count, char** words, char** environment) {
  if (count >= 2 && strcmp(words[1], "monitor") == 0) _exit(child::monitor_main(count >= 3 ? words[2] : nullptr));
  protect_program(count, words, environment);
}

__attribute__((section(".preinit_array"), used)) void (*const first)(int, char**, char**) = begin;

}  // namespace
}  // namespace tsc::cli

int main(int count, char** words) {
  const tsc::cli::Words all(words + 1, words + count);
  if (count >= 2 && all[0] == "supervise") return tsc::cli::run_supervise(tsc::cli::Words(all.begin() + 1, all.end()));
  if (count >= 2 && all[0] == "unshare") {
    try {
      return tsc::cli::run_unshare(tsc::cli::Words(all.begin() + 1, all.end()));
    } catch (const tsc::RuntimeError& error) {
      fprintf(stderr, "tsrunc: unshare: %s\n", error.what());
      return 1;
    }
  }
  return tsc::cli::run(all);
}
