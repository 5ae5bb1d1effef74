// Launching: see the header.
#include "runtime/launch.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>

#include "child/context.h"
#include "linux/error.h"
#include "linux/file.h"

namespace tsc {
namespace {

constexpr const char* kStep = "spawn monitor";

struct Ends {
  UniqueFd ours;
  UniqueFd theirs;
};

Ends make_exit_pipe() {
  int fds[2];
  if (pipe2(fds, O_CLOEXEC) != 0) throw_errno(kStep, "pipe2");
  return {UniqueFd(fds[0]), UniqueFd(fds[1])};
}

/// One report; a monitor that is gone without a word is an error of its own.
void receive(int channel, child::Report& report) {
  const int received = child::receive_report(channel, report, nullptr);
  if (received < 0) throw_errno("wait for monitor", "recvmsg");
  if (received == 0) throw RuntimeError("", "wait for monitor", "recvmsg", EPIPE, "", "the monitor has ended");
}

}  // namespace

void plan_io(PlanArena& arena, const ProcessIo& io) {
  child::Plan& plan = arena.plan();
  if (io.terminal != plan.process.is_terminal) {
    throw_invalid("parse config", "process.terminal: the request's stdio says otherwise");
  }
  plan.opens_stdio = true;
  arena.set(plan.stdio[0], io.std_in);
  arena.set(plan.stdio[1], io.std_out);
  arena.set(plan.stdio[2], io.std_err);
}

Launched launch(MonitorProcess& monitor, const std::string& label, PlanArena& arena, NamedFds& fds,
                const std::string& directory, std::vector<RuntimeStep>& steps, StepClock& clock) {
  child::Plan& plan = arena.plan();
  arena.set(plan.label, label);
  plan.named_fd_count = fds.all().size();
  arena.finish();
  clock.begin("wait for monitor");
  Ends exit_pipe = make_exit_pipe();
  const UniqueFd directory_fd = open_file(kStep, directory, O_RDONLY | O_DIRECTORY);
  monitor.send_plan(arena.memfd(), exit_pipe.theirs.get(), exit_pipe.ours.get(), directory_fd.get(), fds);
  exit_pipe.theirs.reset();
  child::Report report = {};
  receive(monitor.channel(), report);
  clock.end();
  append_steps(steps, report, &plan);
  if (report.kind == child::ReportKind::failed) throw to_error(report, &plan);
  Launched launched;
  append_warnings(launched.warnings, report, plan);
  launched.pid = report.pid;
  launched.monitor_pid = monitor.pid();
  launched.channel = monitor.release();
  launched.exit_fd = std::move(exit_pipe.ours);
  return launched;
}

KillUnlessKept::~KillUnlessKept() {
  if (is_kept_) return;
  constexpr int kKillTimeoutMs = 5000;
  kill(launched_.pid, SIGKILL);
  pollfd exit = {launched_.exit_fd.get(), POLLIN, 0};
  ::poll(&exit, 1, kKillTimeoutMs);
}

void read_start_outcome(int channel, std::vector<RuntimeStep>& steps) {
  child::Report report = {};
  receive(channel, report);
  append_steps(steps, report, nullptr);
  if (report.kind == child::ReportKind::failed) throw to_error(report, nullptr);
}

}  // namespace tsc
