// create, run and start on the command line. There is no monitor here: this process is the stage itself, and the
// container's init goes to whoever reaps for the caller (a shim), or, with run, stays our child.
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include <optional>

#include "child/stage.h"
#include "cli/commands.h"
#include "cli/foreground.h"
#include "cli/options.h"
#include "linux/error.h"
#include "linux/file.h"
#include "runtime/create.h"
#include "runtime/report.h"

namespace tsc::cli {
namespace {

const std::vector<Option> kOptions = {
    {"bundle", 'b', true},        {"console-socket", 0, true}, {"pid-file", 0, true},  {"no-pivot", 0, false},
    {"no-new-keyring", 0, false}, {"preserve-fds", 0, true},   {"detach", 'd', false}, {"keep", 0, false},
    {"no-subreaper", 0, false},   {"pidfd-socket", 0, true},
};

CreateRequest read_request(const Globals& globals, const Options& options) {
  CreateRequest request;
  request.id = options.argument(0, "container id");
  request.bundle = options.value("bundle", ".");
  request.no_pivot_root = options.has("no-pivot");
  request.no_new_keyring = options.has("no-new-keyring");
  request.systemd_cgroup = globals.is_systemd_cgroup;
  request.keeps_process = true;
  return request;
}

/// A pty needs somebody to hold it: the console socket's peer, or us in the foreground.
void check_terminal(const Options& options, bool is_terminal, bool is_foreground) {
  const bool has_socket = options.has("console-socket");
  if (is_terminal && !is_foreground && !has_socket)
    throw_invalid("command line", "process.terminal needs --console-socket");
  if (!is_terminal && has_socket) throw_invalid("command line", "--console-socket needs process.terminal");
}

struct Made {
  child::Stage stage;
  pid_t pid;
};

void kill_init(pid_t pid) {
  kill(pid, SIGKILL);
  waitpid(pid, nullptr, 0);
}

/// The container up to "created". `stage` stays alive for run, which wants its sockets.
void make(const Globals& globals, const Options& options, const CreateRequest& request, bool is_foreground,
          Made& made) {
  std::vector<RuntimeStep> steps;
  StepClock clock(steps);
  Creation creation(globals.config, request, PlanArena::Storage::anonymous, clock);
  child::Plan& plan = creation.arena().plan();
  check_terminal(options, plan.process.is_terminal, is_foreground);
  plan.preserved_fds = static_cast<std::uint64_t>(to_integer("--preserve-fds", options.value("preserve-fds", "0")));
  creation.arena().set(plan.label, request.id);
  child::stage_init(made.stage, &plan);
  if (!child::stage_run(made.stage)) throw to_error(made.stage.context.report, &plan);
  made.pid = made.stage.child_pid;
  try {
    if (options.has("console-socket")) send_console(options.value("console-socket"), made.stage.pty_fd);
    if (options.has("pid-file")) write_pid_file(options.value("pid-file"), made.pid);
    creation.keep(made.pid, 0);
  } catch (...) {
    kill_init(made.pid);
    throw;
  }
  log_launch_warnings(globals, creation.warnings(), plan.process.is_terminal);
  if (!globals.is_debug) return;
  append_steps(steps, made.stage.context.report, &plan);
  log_steps(globals, steps, "init: closing the pipe to signal completion");
}

/// By the specification a hook that fails is the end of the container.
void start(const Globals& globals, const std::string& id, bool deletes_on_failure) {
  try {
    start_container(globals.config, id);
  } catch (const RuntimeError& error) {
    const bool is_started = error.reason != Reason::not_found && error.reason != Reason::wrong_state;
    const bool is_hook = error.step == step_name(child::Step::start_container_hook, 0, nullptr) ||
                         error.step == step_name(child::Step::poststart_hook, 0, nullptr);
    if (deletes_on_failure || (is_started && is_hook)) log_warnings(globals, delete_container(globals.config, id, true));
    throw;
  }
}

}  // namespace

int run_create(const Globals& globals, const Words& words) {
  const Options options(words, kOptions, false);
  const CreateRequest request = read_request(globals, options);
  Made made;
  try {
    make(globals, options, request, false, made);
  } catch (const RuntimeError& error) {
    throw error.within("create container " + request.id);
  }
  return 0;
}

int run_start(const Globals& globals, const Words& words) {
  const Options options(words, {}, false);
  start(globals, options.argument(0, "container id"), false);
  return 0;
}

int run_run(const Globals& globals, const Words& words) {
  const Options options(words, kOptions, false);
  const CreateRequest request = read_request(globals, options);
  const bool is_detached = options.has("detach");
  std::optional<Foreground> foreground;
  if (!is_detached) {
    if (!options.has("no-subreaper")) become_subreaper();
    foreground.emplace();
  }
  Made made;
  try {
    make(globals, options, request, !is_detached, made);
  } catch (const RuntimeError& error) {
    throw error.within("create container " + request.id);
  }
  start(globals, request.id, true);
  if (is_detached) return 0;
  const int status = foreground->wait(made.pid, made.stage.pty_fd);
  if (!options.has("keep")) log_warnings(globals, delete_container(globals.config, request.id, true));
  return status;
}

}  // namespace tsc::cli
