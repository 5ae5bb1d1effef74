// exec on the command line: this process is the stage, and in the foreground the parent that waits.
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <optional>

#include "child/stage.h"
#include "cli/commands.h"
#include "cli/foreground.h"
#include "cli/options.h"
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
    {"console-socket", 0, true}, {"preserve-fds", 0, true},  {"ignore-paused", 0, false},
};

void set_user(oci::Process& process, const std::string& text) {
  const size_t colon = text.find(':');
  process.uid = static_cast<std::uint32_t>(to_integer("--user", text.substr(0, colon)));
  if (colon != std::string::npos)
    process.gid = static_cast<std::uint32_t>(to_integer("--user", text.substr(colon + 1)));
}

/// The container's own process, changed by the options; or a whole process object from a file.
oci::Process read_process(const Options& options, const ContainerRecord& record) {
  if (options.has("process")) return oci::parse_process(read_file("read process", options.value("process")));
  oci::Process process = oci::parse_config(read_file("read config", record.bundle + "/config.json")).process;
  const auto& arguments = options.arguments();
  if (arguments.size() < 2) throw_invalid("command line", "command: missing");
  process.args.assign(arguments.begin() + 1, arguments.end());
  process.terminal = options.has("tty");
  if (options.has("cwd")) process.cwd = options.value("cwd");
  for (const std::string& variable : options.all("env")) process.env.push_back(variable);
  if (options.has("user")) set_user(process, options.value("user"));
  for (const std::string& gid : options.all("additional-gids")) {
    process.additional_gids.push_back(static_cast<std::uint32_t>(to_integer("--additional-gids", gid)));
  }
  for (const std::string& name : options.all("cap")) {
    const int number = capability_number(name);
    if (number < 0) throw_invalid("command line", "--cap: unknown capability " + name);
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

void check_status(const Options& options, const std::string& status) {
  if (status == "running" || (status == "paused" && options.has("ignore-paused"))) return;
  if (status == "paused")
    throw RuntimeError("", "exec", "", 0, "", "cannot exec in a paused container (--ignore-paused waits for its resume)",
                       Reason::wrong_state);
  throw RuntimeError("", "exec", "", 0, "", "the container is " + status, Reason::wrong_state);
}

int execute(const Globals& globals, const Options& options, const std::string& id) {
  const StateStore store(globals.config.root);
  const ContainerRecord record = store.load(id);
  check_status(options, container_status(store, record));
  const bool is_detached = options.has("detach");
  const oci::Process process = read_process(options, record);
  if (process.terminal && is_detached && !options.has("console-socket")) {
    throw_invalid("command line", "a terminal needs --console-socket with --detach");
  }
  PlanArena arena(PlanArena::Storage::anonymous);
  NamedFds fds(false);
  Warnings warnings;
  plan_exec(arena, fds, store, record, process, warnings);
  child::Plan& plan = arena.plan();
  plan.preserved_fds = static_cast<std::uint64_t>(to_integer("--preserve-fds", options.value("preserve-fds", "0")));
  arena.set(plan.label, id);
  std::optional<Foreground> foreground;
  if (!is_detached) foreground.emplace();
  child::Stage stage;
  child::stage_init(stage, &plan);
  if (!child::stage_run(stage)) throw to_error(stage.context.report, &plan);
  try {
    if (options.has("console-socket")) send_console(options.value("console-socket"), stage.pty_fd);
    if (options.has("pid-file")) write_pid_file(options.value("pid-file"), stage.child_pid);
  } catch (...) {
    kill(stage.child_pid, SIGKILL);
    waitpid(stage.child_pid, nullptr, 0);
    throw;
  }
  child::Report report;
  if (child::stage_read_outcome(stage, report) != 0) throw to_error(report, &plan);
  log_launch_warnings(globals, warnings, process.terminal);
  if (globals.is_debug) {
    std::vector<RuntimeStep> steps;
    append_steps(steps, stage.context.report, &plan);
    log_steps(globals, steps, "setns_init: about to exec");
  }
  return is_detached ? 0 : foreground->wait(stage.child_pid, options.has("console-socket") ? -1 : stage.pty_fd);
}

}  // namespace

int run_exec(const Globals& globals, const Words& words) {
  const Options options(words, kOptions, true);
  const std::string& id = options.argument(0, "container id");
  try {
    return execute(globals, options, id);
  } catch (const RuntimeError& error) {
    throw error.within("exec in container " + id);
  }
}

}  // namespace tsc::cli
