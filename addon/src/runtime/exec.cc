// exec: a further process inside a running container, under a monitor of its own.
#include <fcntl.h>
#include <sched.h>

#include <optional>

#include "linux/cgroup-delegation.h"
#include "linux/error.h"
#include "linux/file.h"
#include "linux/pidfd.h"
#include "linux/seccomp-cache.h"
#include "runtime/container-plan.h"
#include "runtime/exec.h"
#include "runtime/filter-plan.h"
#include "runtime/launch.h"
#include "runtime/process-plan.h"
#include "runtime/status.h"
#include "runtime/sub-cgroup.h"

namespace tsc {
namespace {

[[noreturn]] void complain_of_end() {
  throw RuntimeError("", "exec", "", 0, "", "the container is not running", Reason::wrong_state);
}

UniqueFd open_of_init(const ContainerRecord& record, const char* step, const char* what, int flags) {
  const ProcessRecord& init = record.process;
  UniqueFd fd = open_file(step, "/proc/" + std::to_string(init.pid) + "/" + what, flags);
  // The path names a number that another process may have by now; then init has ended.
  if (!is_process_running(init.pid, init.start_time)) complain_of_end();
  return fd;
}

/// A group that we may not bring a process into: without it, as runc does it, but not without a word. (A scope is no
/// such group: systemd brings the process there.)
void leave_closed_group(CgroupLocation& location, Warnings& warnings) {
  if (location.version != 2 || location.paths.empty() || !location.unit.empty()) return;
  const std::string directory = location.find("");
  const std::string closed = closed_ancestor(directory);
  if (closed.empty()) return;
  warnings.push_back("the process runs outside of the container's cgroup " + directory + ", without its limits: " +
                     closed + "/cgroup.procs may not be written");
  location.paths.clear();
}

}  // namespace

void plan_exec(PlanArena& arena, NamedFds& fds, const StateStore& store, const ContainerRecord& record,
               const oci::Process& process, const std::vector<std::string>& sub_cgroups, Warnings& warnings) {
  child::Plan& plan = arena.plan();
  plan.kind = child::Kind::exec;
  UniqueFd init = open_recorded_process(record.process.pid, record.process.start_time);
  if (!init) complain_of_end();
  plan.join_pidfd = fds.add(std::move(init));
  plan.join_mask = record.namespaces;
  if (record.has_detached_root) plan.root_fd = fds.add(open_of_init(record, "open root", "root", O_PATH | O_DIRECTORY));
  const bool has_user_namespace = (record.namespaces & CLONE_NEWUSER) != 0;
  plan.becomes_mapped_root = has_user_namespace;
  UniqueFd cgroup_namespace;
  if ((plan.join_mask & CLONE_NEWCGROUP) != 0) {
    plan.join_mask &= ~std::uint64_t{CLONE_NEWCGROUP};
    cgroup_namespace = open_of_init(record, "open cgroup namespace", "ns/cgroup", O_RDONLY);
  }
  CgroupLocation location = record.cgroup;
  if (sub_cgroups.empty()) follow_init(location, record.process.pid);
  enter_sub_cgroups(location, sub_cgroups);
  leave_closed_group(location, warnings);
  plan_cgroups(arena, location, std::move(cgroup_namespace), fds);
  plan_resctrl(arena, record.resctrl, fds);
  const ProcessContext context = {has_user_namespace, record.uid_mappings, record.no_new_keyring, record.id,
                                  record.traits};
  plan_process(arena, process, context, warnings);
  SeccompProgram program;
  const std::string link = store.seccomp_link(record.id);
  if (load_seccomp(link, program)) {
    plan_filter(arena, program, record);
  } else if (errno != ENOENT) {
    throw_errno("load seccomp program", "read", link);
  }
}

void check_may_exec(const std::string& status, bool ignores_pause) {
  if (status == "running" || status == "created" || (status == "paused" && ignores_pause)) return;
  const std::string detail = status == "paused"
                                 ? "cannot exec in a paused container (--ignore-paused waits for its resume)"
                                 : "cannot exec in a " + status + " container";
  throw RuntimeError("", "exec", "", 0, "", detail, Reason::wrong_state);
}

namespace {

CreatedProcess run_exec(const RuntimeConfig& config, const StateStore& store, const ContainerRecord& record,
                        const ExecRequest& request) {
  CreatedProcess created;
  StepClock clock(created.steps);
  clock.begin("spawn monitor");
  reap_children();
  MonitorProcess monitor(config.tsrunc);
  clock.begin("plan");
  const oci::Process process = oci::parse_process(request.process);
  PlanArena arena(PlanArena::Storage::memfd);
  NamedFds fds(true);
  plan_exec(arena, fds, store, record, process, {}, created.warnings);
  plan_io(arena, request.io);
  Launched launched =
      launch(monitor, request.id, arena, fds, store.exec_directory(request.id, request.exec_id), created.steps, clock);
  ProcessRecord made = {launched.pid, process_start_time(launched.pid), launched.monitor_pid,
                        process_start_time(launched.monitor_pid), request.io};
  KillUnlessKept guard(launched);
  store.save_exec(request.id, request.exec_id, made);
  guard.keep();
  // The monitor ends by itself after a failed execve; it is reaped with the next verb.
  read_start_outcome(launched.channel.get(), created.steps);
  created.pid = launched.pid;
  created.monitor_pid = launched.monitor_pid;
  created.exit_fd = std::move(launched.exit_fd);
  for (std::string& warning : launched.warnings) created.warnings.push_back(std::move(warning));
  return created;
}

}  // namespace

CreatedProcess exec_process(const RuntimeConfig& config, const ExecRequest& request) {
  try {
    const StateStore store(config.root);
    check_id(request.exec_id);
    const ContainerRecord record = store.load(request.id);
    check_may_exec(container_status(store, record), false);
    store.make_exec(request.id, request.exec_id);
    try {
      return run_exec(config, store, record, request);
    } catch (...) {
      remove_tree(store.exec_directory(request.id, request.exec_id));
      throw;
    }
  } catch (const RuntimeError& error) {
    throw error.within("exec " + request.exec_id + " in container " + request.id);
  }
}

void delete_exec(const RuntimeConfig& config, const std::string& id, const std::string& exec_id) {
  try {
    const StateStore store(config.root);
    const ProcessRecord process = store.load_process(id, exec_id);
    if (is_process_running(process.pid, process.start_time)) {
      throw RuntimeError("", "delete", "", 0, "", "the process is running", Reason::wrong_state);
    }
    store.remove_exec(id, exec_id);
  } catch (const RuntimeError& error) {
    throw error.within("delete exec " + exec_id + " of container " + id);
  }
}

}  // namespace tsc
