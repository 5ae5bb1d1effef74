// tsrunc: the OCI runtime on the command line, with runc's flags; and, as `tsrunc monitor`, the parent of a container.
#include <fcntl.h>
#include <limits.h>
#include <seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "child/monitor.h"
#include "cli/commands.h"
#include "cli/options.h"
#include "cli/self-protection.h"
#include "cli/version.h"
#include "linux/error.h"
#include "linux/file.h"
#include "linux/monitor-process.h"
#include "linux/user-namespace.h"
#include "runtime/monitored-restore.h"

namespace tsc::cli {
namespace {

struct Command {
  const char* name;
  int (*run)(const Globals&, const Words&);
};

constexpr Command kCommands[] = {
    {"create", run_create},   {"run", run_run},     {"start", run_start},       {"exec", run_exec},
    {"state", run_state},     {"kill", run_kill},   {"delete", run_delete},     {"list", run_list},
    {"ps", run_ps},           {"pause", run_pause}, {"resume", run_resume},     {"update", run_update},
    {"events", run_events},   {"spec", run_spec},   {"features", run_features}, {"checkpoint", run_checkpoint},
    {"restore", run_restore},
};

std::string absolute(const std::string& path) {
  if (!path.empty() && path[0] == '/') return path;
  char current[PATH_MAX];
  return getcwd(current, sizeof current) == nullptr ? path : std::string(current) + "/" + path;
}

/// Where the state is without --root. Who may not write in /run has a directory of their own below it.
std::string default_root() {
  const char* directory = getenv("XDG_RUNTIME_DIR");
  if (!is_ordinary_user() || directory == nullptr || *directory == '\0') return "/run/tsrunc";
  const std::string root = absolute(directory) + "/tsrunc";
  make_directories("make state root", root, 0700);
  // Sticky: what cleans XDG_RUNTIME_DIR of files that nobody has touched for long leaves it. XDG Base Directory
  chmod(root.c_str(), 01700);
  return root;
}

bool read_rootless(const Options& options) {
  const std::string value = options.value("rootless", "auto");
  if (value == "auto") return is_rootless();
  if (value == "true" || value == "false") return value == "true";
  throw_invalid("", "invalid value for --rootless: " + value);
}

Globals read_globals(const Options& options) {
  Globals globals;
  globals.config = {options.has("root") ? absolute(options.value("root")) : default_root(), kOwnProgram};
  if (options.has("resctrl")) globals.config.resctrl = absolute(options.value("resctrl"));
  globals.is_rootless = read_rootless(options);
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

int tell(const Globals& globals, const std::string& command, const RuntimeError& error) {
  log_line(globals, "error", error.what());
  // With a log file the caller's stderr still gets the sentence, as runc does it.
  if (!globals.log_path.empty()) fprintf(stderr, "%s\n", error.what());
  return failure_status(command, error);
}

int give_help(const Globals& globals, const std::string& topic) {
  if (topic.empty()) return print_global_help(), 0;
  if (print_help(topic)) return 0;
  tell(globals, topic, UsageError("No help topic for '" + topic + "'"));
  return 3;
}

int dispatch(const Globals& globals, const std::string& name, const Words& words) {
  if (name == "help" || name == "h") return give_help(globals, words.empty() ? "" : words[0]);
  if (asks_for_help(name, words)) return give_help(globals, name);
  for (const Command& command : kCommands) {
    if (name != command.name) continue;
    try {
      const int status = command.run(globals, words);
      if (fflush(stdout) != 0) throw_errno("print", "write", "stdout");
      return status;
    } catch (const UsageError& error) {
      printf("Incorrect Usage%s%s\n\n", error.is_of_flag ? ": " : ".", error.is_of_flag ? error.what() : "");
      print_help(name);
      tell(globals, name, error);
      return 1;
    } catch (const RuntimeError& error) {
      return tell(globals, name, error);
    }
  }
  return give_help(globals, name);
}

void print_version() {
  const scmp_version* seccomp = seccomp_version();
  printf("tsrunc version %s\ncommit: %s\nspec: %s\nlibseccomp: %u.%u.%u\n", kVersion, commit(), kSpecVersion,
         seccomp->major, seccomp->minor, seccomp->micro);
}

/// Whoever names a log file will look there: it must be one that can be written.
void check_log(const std::string& path) {
  if (!path.empty()) open_file("open log", path, O_WRONLY | O_APPEND | O_CREAT, 0644);
}

void check_globals(const Options& options) {
  const std::string format = options.value("log-format", "text");
  if (format != "text" && format != "json") throw_invalid("", "invalid log-format: " + format);
  const std::string manager = options.value("cgroup-manager", "cgroupfs");
  if (manager != "cgroupfs" && manager != "systemd")
    throw_invalid("", "invalid value for --cgroup-manager: " + manager + " is neither cgroupfs nor systemd");
  check_log(options.value("log"));
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
                                     {"resctrl", 0, true},
                                     {"help", 'h', false}};
  Globals globals;
  try {
    const Options options(words, known, true);
    if (options.has("version")) return print_version(), 0;
    if (options.has("help") || options.arguments().empty()) return print_global_help(), 0;
    check_globals(options);
    globals = read_globals(options);
    const Words& rest = options.arguments();
    return dispatch(globals, rest[0], Words(rest.begin() + 1, rest.end()));
  } catch (const UsageError& error) {
    printf("Incorrect Usage. %s\n\n", error.what());
    print_global_help();
    return tell(globals, "", error);
  } catch (const RuntimeError& error) {
    return tell(globals, "", error);
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
  if (count >= 2 && all[0] == "restore-monitor") return tsc::run_restore_monitor(count >= 3 ? words[2] : nullptr);
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
