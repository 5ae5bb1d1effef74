// exec on the command line: this process is the stage, and in the foreground the parent that waits.
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <optional>

#include "child/stage.h"
#include "cli/commands.h"
#include "cli/fd-socket.h"
#include "cli/foreground.h"
#include "cli/options.h"
#include "cli/passed-fds.h"
#include "cli/scope-placement.h"
#include "linux/capabilities.h"
#include "linux/error.h"
#include "linux/file.h"
#include "runtime/exec.h"
#include "runtime/report.h"
#include "runtime/status.h"

namespace tsc::cli {
namespace {

const std::vector<Option> kOptions = {
    {"process", 'p', true},      {"cwd", 0, true},           {"env", 'e', true},
    {"tty", 't', false},         {"user", 'u', true},        {"additional-gids", 'g', true},
    {"cap", 'c', true},          {"no-new-privs", 0, false}, {"apparmor", 0, true},
    {"process-label", 0, true},  {"detach", 'd', false},     {"pid-file", 0, true},
    {"console-socket", 0, true}, {"pidfd-socket", 0, true},  {"preserve-fds", 0, true},
    {"cgroup", 0, true},         {"ignore-paused", 0, false},
};

std::uint32_t to_id(const char* name, long long id) {
  // 4294967295 is (uid_t)-1: "leave it as it is", which is not what anybody means here.
  if (id < 0 || id >= UINT32_MAX) throw_invalid("command line", std::string(name) + ": " + std::to_string(id) + " is no id");
  return static_cast<std::uint32_t>(id);
}

void set_user(oci::Process& process, const std::string& text) {
  const size_t colon = text.find(':');
  const auto read = [](const std::string& word) { return to_id("--user", to_integer("--user", word)); };
  process.uid = read(text.substr(0, colon));
  if (colon != std::string::npos) process.gid = read(text.substr(colon + 1));
}

/// The container's own process, changed by the options; or a whole process object from a file.
oci::Process read_process(const Globals& globals, const Options& options, const ContainerRecord& record) {
  if (options.has("process")) return oci::parse_process(read_file("read process", options.value("process")));
  // As it was at create, whatever has become of the bundle since. A container that a shim made has its config.json.
  oci::Process process = record.process_config.empty()
                             ? oci::parse_config(read_file("read config", record.bundle + "/config.json")).process
                             : oci::parse_process(record.process_config);
  const auto& arguments = options.arguments();
  if (arguments.size() < 2) throw_invalid("command line", "command: missing");
  process.args.assign(arguments.begin() + 1, arguments.end());
  process.terminal = options.has("tty");
  if (options.has("cwd")) process.cwd = options.value("cwd");
  if (process.cwd[0] != '/') throw_invalid("command line", "--cwd: \"" + process.cwd + "\" is not an absolute path");
  for (const std::string& variable : options.all("env")) {
    if (variable.find('=') == std::string::npos || variable[0] == '=')
      throw_invalid("command line", "--env: invalid environment variable: \"" + variable + "\" is not NAME=VALUE");
    process.env.push_back(variable);
  }
  if (!options.value("user").empty()) set_user(process, options.value("user"));
  for (const std::string& gid : options.all("additional-gids")) {
    process.additional_gids.push_back(to_id("--additional-gids", flag_integer("--additional-gids", gid)));
  }
  for (const std::string& name : options.all("cap")) {
    const int number = capability_number(name);
    if (number < 0) {
      log_line(globals, "warning", "ignoring unknown or unavailable capabilities: [" + name + "]");
      continue;
    }
    const std::uint64_t bit = std::uint64_t{1} << number;
    // Not inheritable: that would reach programs of other users (CVE-2022-29162).
    process.capabilities.bounding |= bit;
    process.capabilities.effective |= bit;
    process.capabilities.permitted |= bit;
  }
  if (options.has("no-new-privs")) process.no_new_privileges = true;
  if (options.has("apparmor")) process.apparmor_profile = options.value("apparmor");
  if (options.has("process-label")) process.selinux_label = options.value("process-label");
  return process;
}

/// A pty needs somebody to hold it: the console socket's peer, or us in the foreground.
void check_terminal(const Options& options, bool is_terminal, bool is_detached) {
  const bool has_socket = options.has("console-socket");
  if (is_terminal && is_detached && !has_socket)
    throw_invalid("command line", "a terminal needs --console-socket with --detach");
  if (has_socket && !(is_terminal && is_detached))
    throw_invalid("command line", "--console-socket needs --detach and a terminal");
}

/// What the caller is to have of the new process. If it cannot be had, nobody would know of the process: it goes.
void hand_over(const Options& options, const child::Stage& stage) {
  try {
    if (options.has("console-socket"))
      send_fd("send console", options.value("console-socket"), stage.pty_fd, "/dev/ptmx");
    if (options.has("pidfd-socket")) send_pidfd(options.value("pidfd-socket"), stage.child_pid);
    if (options.has("pid-file")) write_pid_file(options.value("pid-file"), stage.child_pid);
  } catch (...) {
    kill(stage.child_pid, SIGKILL);
    waitpid(stage.child_pid, nullptr, 0);
    throw;
  }
}

int execute(const Globals& globals, const Options& options, const std::string& id) {
  const PassedFds passed = find_passed_fds(options, false);
  const StateStore store(globals.config.root);
  const ContainerRecord record = store.load(id);
  check_may_exec(container_status(store, record), options.has("ignore-paused"));
  const bool is_detached = options.has("detach");
  const oci::Process process = read_process(globals, options, record);
  check_terminal(options, process.terminal, is_detached);
  PlanArena arena(PlanArena::Storage::anonymous);
  NamedFds fds(false);
  Warnings warnings;
  plan_exec(arena, fds, store, record, process, options.all("cgroup"), warnings);
  child::Plan& plan = arena.plan();
  plan.preserved_fds = passed.count;
  arena.set(plan.label, id);
  std::optional<Foreground> foreground;
  if (!is_detached) foreground.emplace();
  child::Stage stage;
  child::stage_init(stage, &plan);
  ScopePlacement placement(stage);
  if (!child::stage_run(stage)) throw placement.error_or(to_error(stage.context.report, &plan));
  hand_over(options, stage);
  child::Report report;
  if (child::stage_read_outcome(stage, report) != 0) {
    waitpid(stage.child_pid, nullptr, 0);
    throw to_error(report, &plan);
  }
  append_warnings(warnings, stage.context.report, plan);
  log_launch_warnings(globals, warnings, process.terminal);
  if (globals.is_debug) {
    std::vector<RuntimeStep> steps;
    append_steps(steps, stage.context.report, &plan);
    log_steps(globals, steps, "setns_init: about to exec");
  }
  return is_detached ? 0 : foreground->wait(stage.child_pid, stage.pty_fd);
}

}  // namespace

int run_exec(const Globals& globals, const Words& words) {
  const Options options(words, kOptions, true);
  options.expect_arguments("exec", 1, SIZE_MAX);
  const std::string& id = options.arguments()[0];
  try {
    return execute(globals, options, id);
  } catch (const UsageError&) {
    throw;
  } catch (const RuntimeError& error) {
    throw error.within("exec in container " + id);
  }
}

}  // namespace tsc::cli
