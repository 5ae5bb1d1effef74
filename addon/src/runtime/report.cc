// Reports as errors and steps: see the header.
#include "runtime/report.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "child/context.h"
#include "runtime/remedies.h"

namespace tsc {
namespace {

using child::Step;

// In the order of child::Step.
constexpr const char* kNames[] = {
    "none",
    "read plan",
    "open stdio",
    "prepare rootfs",
    "prepare bind",
    "join namespaces",
    "clone",
    "write id maps",
    "wait for release",
    "move network device",
    "become root",
    "enter cgroup",
    "new cgroup namespace",
    "new session",
    "set hostname",
    "raise loopback",
    "configure network device",
    "set propagation",
    "attach rootfs",
    "mount",
    "make devices",
    "open console",
    "prestart hook",
    "createRuntime hook",
    "createContainer hook",
    "pivot root",
    "enter mount namespace",
    "write sysctl",
    "read-only path",
    "mask path",
    "read-only rootfs",
    "set oom score",
    "join keyring",
    "set limits",
    "set personality",
    "set scheduler",
    "set I/O priority",
    "set CPU affinity",
    "set memory policy",
    "set label",
    "set user",
    "set capabilities",
    "change directory",
    "find command",
    "load seccomp",
    "failed to connect with seccomp agent",
    "wait for start",
    "startContainer hook",
    "poststart hook",
    "poststop hook",
    "execute",
};
static_assert(sizeof kNames / sizeof kNames[0] == static_cast<size_t>(Step::count));

std::string mount_text(const child::Mount& mount, const char* verb) {
  const char* type = mount.type.get();
  const char* source = mount.source.get();
  const bool is_bind = mount.kind == child::MountKind::bind;
  const char* what = is_bind ? source : type;
  const char* target = mount.target.get();
  return std::string(verb) + " " + (what == nullptr ? "" : what) + " on " + (target == nullptr ? "/" : target);
}

bool is_command_step(Step step) { return step == Step::find_command || step == Step::execute; }

Reason command_reason(int error) {
  return error == ENOENT || error == ENOTDIR ? Reason::executable_not_found : Reason::not_executable;
}

/// Docker's words, which its users' scripts look for.
std::string command_detail(const child::Report& report) {
  const std::string command = report.path;
  const std::string quoted = "exec: \"" + command + "\": ";
  if (report.step == Step::find_command && report.error == ENOENT && command.find('/') == std::string::npos) {
    return quoted + "executable file not found in $PATH";
  }
  if (report.error == ENOENT || report.error == ENOTDIR) return quoted + "no such file or directory";
  if (report.error == EACCES || report.error == EISDIR) return quoted + "permission denied";
  if (report.error == ENOEXEC) return quoted + "exec format error";
  return quoted + strerrordesc_np(report.error);
}

bool is_hook_step(Step step) {
  switch (step) {
    case Step::prestart_hook:
    case Step::create_runtime_hook:
    case Step::create_container_hook:
    case Step::start_container_hook:
    case Step::poststart_hook:
    case Step::poststop_hook: return true;
    default: return false;
  }
}

/// runc's words; and a signal by its name.
std::string hook_detail(const std::string& detail) {
  int signal = 0;
  std::string text = "error running hook";
  if (!detail.empty()) text += ": " + detail;
  if (sscanf(detail.c_str(), "killed by signal %d", &signal) != 1 || sigdescr_np(signal) == nullptr) return text;
  std::string description = sigdescr_np(signal);
  description[0] = static_cast<char>(tolower(description[0]));
  return text + " (" + description + ")";
}

}  // namespace

std::string step_name(Step step, std::uint16_t index, const child::Plan* plan) {
  if (plan != nullptr && plan->kind == child::Kind::init) {
    if (step == Step::mount && index < plan->mounts.count) return mount_text(plan->mounts[index], "mount");
    if (step == Step::prepare_binds && index < plan->mounts.count) return mount_text(plan->mounts[index], "bind");
    if (step == Step::prepare_rootfs) return mount_text(plan->rootfs, "prepare");
    if (step == Step::move_net_device && index < plan->net_devices.count) {
      return std::string("move network device ") + plan->net_devices[index].name.get();
    }
    if (step == Step::configure_net_device && index < plan->net_devices.count) {
      return std::string("configure network device ") + plan->net_devices[index].name.get();
    }
    if (step == Step::write_sysctl && index < plan->sysctls.count) {
      return std::string("write sysctl ") + plan->sysctls[index].path.get();
    }
  }
  if (plan != nullptr && step == Step::set_label && plan->process.lsm_label)
    return std::string("set label ") + plan->process.lsm_label.get();
  const size_t number = static_cast<size_t>(step);
  return number < sizeof kNames / sizeof kNames[0] ? kNames[number] : "unknown step";
}

RuntimeError to_error(const child::Report& report, const child::Plan* plan) {
  const std::string step = step_name(report.step, report.index, plan);
  if (is_command_step(report.step)) {
    return RuntimeError("", step, report.call, report.error, report.path, command_detail(report),
                        command_reason(report.error));
  }
  std::string detail = report.detail;
  if (is_hook_step(report.step) && !detail.empty()) detail = hook_detail(detail);
  return RuntimeError("", step, report.call, report.error, report.path, detail).advised(remedy_for(report, plan));
}

void append_steps(std::vector<RuntimeStep>& steps, const child::Report& report, const child::Plan* plan) {
  for (std::uint32_t i = 0; i < report.step_count && i < child::kMaxStepTimes; ++i) {
    const child::StepTime& time = report.steps[i];
    steps.push_back({step_name(time.step, time.index, plan), time.began_ns, time.ended_ns});
  }
}

void append_warnings(Warnings& warnings, const child::Report& report, const child::Plan& plan) {
  if (!report.is_oom_score_higher) return;
  warnings.push_back("process.oomScoreAdj is " + std::to_string(report.oom_score) + " instead of " +
                     std::to_string(plan.process.oom_score) + ": going lower needs CAP_SYS_RESOURCE");
}

void StepClock::begin(const char* name) {
  end();
  open_ = steps_.size();
  steps_.push_back({name, child::monotonic_ns(), 0});
  is_open_ = true;
}

void StepClock::end() {
  if (is_open_) steps_[open_].ended_ns = child::monotonic_ns();
  is_open_ = false;
}

}  // namespace tsc
