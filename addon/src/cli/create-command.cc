// create, run and start on the command line. There is no monitor here: this process is the stage itself, and the
// container's init goes to whoever reaps for the caller (a shim), or, with run, stays our child.
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include <optional>

#include "child/stage.h"
#include "cli/commands.h"
#include "cli/fd-socket.h"
#include "cli/foreground.h"
#include "cli/notify-proxy.h"
#include "cli/options.h"
#include "cli/passed-fds.h"
#include "cli/scope-placement.h"
#include "linux/error.h"
#include "linux/file.h"
#include "runtime/create.h"
#include "runtime/report.h"

namespace tsc::cli {
namespace {

const std::vector<Option> kCreateOptions = {
    {"bundle", 'b', true},        {"console-socket", 0, true}, {"pid-file", 0, true},     {"no-pivot", 0, false},
    {"no-new-keyring", 0, false}, {"preserve-fds", 0, true},   {"pidfd-socket", 0, true},
};

std::vector<Option> run_options() {
  std::vector<Option> options = kCreateOptions;
  for (const Option& option : {Option{"detach", 'd', false}, {"keep", 0, false}, {"no-subreaper", 0, false}})
    options.push_back(option);
  return options;
}

const char* notify_socket() {
  const char* path = getenv("NOTIFY_SOCKET");
  return path != nullptr && *path != '\0' ? path : nullptr;
}

CreateRequest read_request(const Globals& globals, const Options& options, const PassedFds& passed) {
  CreateRequest request;
  request.id = options.arguments()[0];
  request.bundle = options.value("bundle", ".");
  request.no_pivot_root = options.has("no-pivot");
  request.no_new_keyring = options.has("no-new-keyring");
  request.systemd_cgroup = globals.is_systemd_cgroup;
  request.is_rootless = globals.is_rootless;
  request.keeps_process = true;
  request.environment = passed.environment;
  request.has_notify_socket = notify_socket() != nullptr;
  return request;
}

/// A pty needs somebody to hold it: the console socket's peer, or us in the foreground.
void check_terminal(const Options& options, bool is_terminal, bool is_foreground) {
  const bool has_socket = options.has("console-socket");
  if (is_terminal && !is_foreground && !has_socket)
    throw_invalid("command line", "process.terminal needs --console-socket, unless the runtime stays in the foreground");
  if ((!is_terminal || is_foreground) && has_socket)
    throw_invalid("command line", "--console-socket needs process.terminal, and a runtime that does not stay");
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
void make(const Globals& globals, const Options& options, const CreateRequest& request, const PassedFds& passed,
          bool is_foreground, Made& made) {
  std::vector<RuntimeStep> steps;
  StepClock clock(steps);
  Creation creation(globals.config, request, PlanArena::Storage::anonymous, clock);
  child::Plan& plan = creation.arena().plan();
  check_terminal(options, plan.process.is_terminal, is_foreground);
  plan.preserved_fds = passed.count;
  creation.arena().set(plan.label, request.id);
  child::stage_init(made.stage, &plan);
  ScopePlacement placement(made.stage);
  if (!child::stage_run(made.stage)) throw placement.error_or(to_error(made.stage.context.report, &plan));
  made.pid = made.stage.child_pid;
  try {
    if (options.has("console-socket"))
      send_fd("send console", options.value("console-socket"), made.stage.pty_fd, "/dev/ptmx");
    if (options.has("pidfd-socket")) send_pidfd(options.value("pidfd-socket"), made.pid);
    if (options.has("pid-file")) write_pid_file(options.value("pid-file"), made.pid);
    creation.keep(made.pid, 0);
  } catch (...) {
    kill_init(made.pid);
    throw;
  }
  append_warnings(creation.warnings(), made.stage.context.report, plan);
  log_launch_warnings(globals, creation.warnings(), plan.process.is_terminal);
  if (!globals.is_debug) return;
  append_steps(steps, made.stage.context.report, &plan);
  log_steps(globals, steps, "init: closing the pipe to signal completion");
}

/// By the specification a hook that fails is the end of the container.
void start(const Globals& globals, const std::string& id, bool deletes_on_failure,
           std::optional<NotifyProxy>& notify) {
  try {
    // Before the container runs: it may speak at once.
    const std::string directory = StateStore(globals.config.root).notify_directory(id);
    if (notify_socket() != nullptr && path_exists(directory)) notify.emplace(directory, notify_socket());
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
  const Options options(words, kCreateOptions, false);
  options.expect_arguments("create", 1, 1);
  const PassedFds passed = find_passed_fds(options, true);
  const CreateRequest request = read_request(globals, options, passed);
  Made made;
  try {
    make(globals, options, request, passed, false, made);
  } catch (const RuntimeError& error) {
    throw error.within("create container " + request.id);
  }
  return 0;
}

int run_start(const Globals& globals, const Words& words) {
  const Options options(words, {}, false);
  options.expect_arguments("start", 1, 1);
  const std::string& id = options.arguments()[0];
  std::optional<NotifyProxy> notify;
  start(globals, id, false, notify);
  if (notify) notify->wait_until_ready(StateStore(globals.config.root).load(id).process.pid);
  return 0;
}

int run_run(const Globals& globals, const Words& words) {
  const Options options(words, run_options(), false);
  options.expect_arguments("run", 1, 1);
  const PassedFds passed = find_passed_fds(options, true);
  const CreateRequest request = read_request(globals, options, passed);
  const bool is_detached = options.has("detach");
  std::optional<Foreground> foreground;
  if (!is_detached) {
    if (!options.has("no-subreaper")) become_subreaper();
    foreground.emplace();
  }
  Made made;
  try {
    make(globals, options, request, passed, !is_detached, made);
  } catch (const RuntimeError& error) {
    throw error.within("create container " + request.id);
  }
  std::optional<NotifyProxy> notify;
  start(globals, request.id, true, notify);
  if (is_detached) {
    if (notify) notify->wait_until_ready(made.pid);
    return 0;
  }
  const int status = foreground->wait(made.pid, made.stage.pty_fd, notify ? &*notify : nullptr);
  if (!options.has("keep")) log_warnings(globals, delete_container(globals.config, request.id, true));
  return status;
}

}  // namespace tsc::cli
