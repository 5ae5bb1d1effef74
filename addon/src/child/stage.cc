// The stage: see the header. Everything here runs in the host's namespaces, with the caller's privileges.
#include "child/stage.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "child/filter.h"
#include "child/hooks.h"
#include "child/net-devices.h"
#include "child/oom-score.h"
#include "child/process.h"
#include "child/trees.h"

namespace tsc::child {
namespace {

bool refuse(Stage& stage, const char* call, const char* path) {
  record_failure(stage.context, call, path);
  return false;
}

/// One stdio end. A FIFO is held O_RDWR by the stage, so that a reader that goes away never causes EPIPE, and opened
/// again one-sided for the container.
bool open_one(Stage& stage, int index, const char* path) {
  static const char kFileScheme[] = "file://";
  const bool is_input = index == 0;
  const Process& process = stage.context.plan->process;
  if (*path == '\0') {
    stage.stdio_child[index] = open("/dev/null", (is_input ? O_RDONLY : O_WRONLY) | O_CLOEXEC);
    return stage.stdio_child[index] >= 0 || refuse(stage, "open", "/dev/null");
  }
  if (strncmp(path, kFileScheme, sizeof kFileScheme - 1) == 0) {
    path += sizeof kFileScheme - 1;
    const int flags = is_input ? O_RDONLY : O_WRONLY | O_APPEND | O_CREAT;
    stage.stdio_child[index] = open(path, flags | O_CLOEXEC, 0640);
    return stage.stdio_child[index] >= 0 || refuse(stage, "open", path);
  }
  struct stat found;
  const int keep = open(path, O_RDWR | O_CLOEXEC | O_NONBLOCK);
  if (keep < 0) return refuse(stage, "open", path);
  if (fstat(keep, &found) != 0) return refuse(stage, "fstat", path);
  stage.stdio_child[index] = open(path, (is_input ? O_RDONLY : O_WRONLY | O_APPEND) | O_CLOEXEC);
  if (stage.stdio_child[index] < 0) return refuse(stage, "open", path);
  if (!S_ISFIFO(found.st_mode)) {
    close(keep);
    return true;
  }
  stage.stdio_keep[index] = keep;
  // Only a FIFO is given to the container's user, never a device such as the host's /dev/null.
  if (process.host_uid != 0 && fchown(keep, process.host_uid, static_cast<gid_t>(-1)) != 0) {
    return refuse(stage, "fchown", path);
  }
  return true;
}

/// The caller's own 0, 1, 2: a pipe among them goes to the container's user, who may want to open /dev/stdout again.
void give_pipes(std::uint32_t host_uid) {
  if (host_uid == 0) return;
  for (int fd = 0; fd < 3; ++fd) {
    struct stat found;
    if (fstat(fd, &found) != 0 || !S_ISFIFO(found.st_mode) || found.st_uid == host_uid) continue;
    // A pipe that cannot be given away can still be written through the fd.
    if (fchown(fd, host_uid, static_cast<gid_t>(-1)) != 0) continue;
  }
}

bool open_stdio(Stage& stage) {
  const Plan& plan = *stage.context.plan;
  if (!plan.opens_stdio) {
    give_pipes(plan.process.host_uid);
    return true;
  }
  begin_step(stage.context, Step::open_stdio);
  for (int index = 0; index < 3; ++index) {
    const char* path = plan.stdio[index].get();
    if (plan.process.is_terminal && index == 2) break;  // a terminal has one output
    if (!open_one(stage, index, path == nullptr ? "" : path)) return false;
  }
  return true;
}

/// Joins what the plan names. Only ever in a process of its own, or its namespaces would stay changed.
bool join_namespaces(Stage& stage) {
  const Plan& plan = *stage.context.plan;
  if (plan.join_mask != 0 && setns(plan.join_pidfd, static_cast<int>(plan.join_mask)) != 0) {
    return refuse(stage, "setns", "/proc/<init>/ns");
  }
  for (const NamespaceJoin& join : plan.joins) {
    if (setns(join.fd, static_cast<int>(join.type)) != 0) return refuse(stage, "setns", join.path.get());
  }
  if (!plan.unshares_time) return true;
  // The offsets are frozen by the first process inside: write them between unshare and clone. time_namespaces(7)
  if (unshare(CLONE_NEWTIME) != 0) return refuse(stage, "unshare", "time");
  const char* offsets = plan.time_offsets.get();
  if (offsets != nullptr && !write_file_at(AT_FDCWD, "/proc/self/timens_offsets", offsets)) {
    return refuse(stage, "write", "/proc/self/timens_offsets");
  }
  return true;
}

pid_t clone_child(Stage& stage, unsigned long extra_flags, int sync_fd) {
  const Plan& plan = *stage.context.plan;
  clone_args arguments;
  memset(&arguments, 0, sizeof arguments);
  arguments.flags = plan.clone_flags | extra_flags;
  // With CLONE_PARENT the kernel takes the parent's own exit signal and wants none here.
  arguments.exit_signal = (extra_flags & CLONE_PARENT) != 0 ? 0 : SIGCHLD;
  if (plan.cgroup2_fd >= 0) {
    arguments.flags |= CLONE_INTO_CGROUP;
    arguments.cgroup = static_cast<unsigned long>(plan.cgroup2_fd);
  }
  const pid_t pid = static_cast<pid_t>(syscall(SYS_clone3, &arguments, sizeof arguments));
  if (pid == 0) run_child(stage.context.plan, stage, sync_fd);
  return pid;
}

bool set_initial_affinity(Stage& stage) {
  return set_affinity(stage.context.plan->process.initial_cpus) ||
         refuse(stage, "sched_setaffinity", "execCPUAffinity.initial");
}

bool uses_joiner(const Plan& plan) {
  return plan.join_mask != 0 || plan.joins.count > 0 || plan.unshares_time || plan.process.initial_cpus.count > 0;
}

/// A process between the stage and the child: it joins namespaces, clones the child as the stage's own
/// (CLONE_PARENT) and goes. It shares no memory with the stage: a time namespace wants its joiner single-threaded.
bool clone_through_joiner(Stage& stage, int sync_fd) {
  int result[2];
  if (pipe2(result, O_CLOEXEC) != 0) return refuse(stage, "pipe2", nullptr);
  begin_step(stage.context, Step::join_namespaces);
  const pid_t joiner = static_cast<pid_t>(syscall(SYS_clone, SIGCHLD, nullptr, nullptr, nullptr, nullptr));
  if (joiner == 0) {
    OomScore before;
    if (take_oom_score(stage.context, before) && set_initial_affinity(stage) && join_namespaces(stage)) {
      begin_step(stage.context, Step::clone);
      stage.child_pid = clone_child(stage, CLONE_PARENT, sync_fd);
      if (stage.child_pid < 0) record_failure(stage.context, "clone3", nullptr);
    }
    stage.context.report.pid = stage.child_pid;
    write_retry(result[1], &stage.context, sizeof stage.context);
    _exit(0);
  }
  if (joiner < 0) return refuse(stage, "clone", nullptr);
  close(result[1]);
  Context answer;
  const long received = read_retry(result[0], &answer, sizeof answer);
  const int error = errno;
  close(result[0]);
  int status;
  while (waitpid(joiner, &status, 0) < 0 && errno == EINTR) {
  }
  if (received != static_cast<long>(sizeof answer)) {
    errno = received < 0 ? error : ECHILD;
    return refuse(stage, "read", "joiner");
  }
  stage.context = answer;
  stage.child_pid = answer.report.pid;
  return answer.report.kind != ReportKind::failed;
}

bool start_child(Stage& stage, int sync_fd) {
  const Plan& plan = *stage.context.plan;
  if (uses_joiner(plan)) return clone_through_joiner(stage, sync_fd);
  OomScore before;
  if (!take_oom_score(stage.context, before)) return false;
  begin_step(stage.context, Step::clone);
  stage.child_pid = clone_child(stage, 0, sync_fd);
  const bool is_cloned = stage.child_pid >= 0 || refuse(stage, "clone3", nullptr);
  restore_oom_score(before);
  return is_cloned;
}

/// By newuidmap(1) or newgidmap(1), which may do what /etc/subuid and /etc/subgid allow this user.
bool map_by_program(Stage& stage, const Hook& program) {
  char pid[kNumberSpace];
  format_number(pid, "", stage.child_pid, "");
  strcpy(const_cast<char*>(program.arguments[1].get()), pid);
  return run_program(stage.context, program);
}

bool write_map(Stage& stage, const char* file, const Text& map, const Hook& program) {
  char path[64];
  if (program.path) return map_by_program(stage, program);
  format_number(path, "/proc/", stage.child_pid, file);
  return !map || write_file_at(AT_FDCWD, path, map.get()) || refuse(stage, "write", path);
}

bool write_maps(Stage& stage) {
  const Plan& plan = *stage.context.plan;
  if ((plan.clone_flags & CLONE_NEWUSER) == 0) return true;
  begin_step(stage.context, Step::write_id_maps);
  if (!write_map(stage, "/uid_map", plan.uid_map, plan.uid_mapper)) return false;
  char path[64];
  format_number(path, "/proc/", stage.child_pid, "/setgroups");
  // Who may map no group but their own may not let anybody drop one: that could open what the group is kept out of.
  if (plan.denies_setgroups && !write_file_at(AT_FDCWD, path, "deny")) return refuse(stage, "write", path);
  return write_map(stage, "/gid_map", plan.gid_map, plan.gid_mapper);
}

bool release_child(Stage& stage) {
  return write_retry(stage.child_fd, "", 1) == 1 || refuse(stage, "write", "release");
}

/// What the child cannot do for itself, while it waits.
bool prepare_child(Stage& stage) {
  const Plan& plan = *stage.context.plan;
  if (stage.place != nullptr) {
    begin_step(stage.context, Step::enter_cgroup);
    if (!stage.place(stage.place_subject, stage.child_pid)) return refuse(stage, "place", nullptr);
  }
  if (!write_maps(stage)) return false;
  if (plan.is_tuned_by_stage) {
    if (const char* call = tune_process(stage.context, stage.child_pid)) return refuse(stage, call, nullptr);
  }
  if (!move_net_devices(stage)) return false;
  return !plan.waits_release || release_child(stage);
}

/// The hooks that run in the runtime's own namespaces, while the child waits before pivot_root.
bool run_runtime_hooks(Stage& stage) {
  const Plan& plan = *stage.context.plan;
  Context& context = stage.context;
  const char* directory = plan.bundle.get();
  return run_hooks(context, Step::prestart_hook, plan.prestart, "creating", stage.child_pid, directory) &&
         run_hooks(context, Step::create_runtime_hook, plan.create_runtime, "creating", stage.child_pid, directory) &&
         release_child(stage);
}

/// Takes over the child's step times and, when it failed, its failure.
void absorb(Stage& stage, const Report& report) {
  Report& own = stage.context.report;
  for (std::uint32_t i = 0; i < report.step_count && own.step_count < kMaxStepTimes; ++i) {
    own.steps[own.step_count++] = report.steps[i];
  }
  if (report.kind != ReportKind::failed) return;
  own.kind = report.kind;
  own.error = report.error;
  own.step = report.step;
  own.index = report.index;
  memcpy(own.call, report.call, sizeof own.call);
  memcpy(own.path, report.path, sizeof own.path);
  memcpy(own.detail, report.detail, sizeof own.detail);
}

bool wait_ready(Stage& stage) {
  begin_step(stage.context, Step::none);
  Report report;
  for (;;) {
    memset(&report, 0, offsetof(Report, steps));
    int passed = -1;
    const int received = receive_report(stage.child_fd, report, &passed);
    if (received <= 0) {
      // The child is gone without a word: killed, e.g. for memory.
      if (received == 0) errno = ECHILD;
      return refuse(stage, "recvmsg", "child");
    }
    if (report.kind == ReportKind::console) {
      stage.pty_fd = passed;
      continue;
    }
    if (report.kind == ReportKind::hooks) {
      absorb(stage, report);
      if (!run_runtime_hooks(stage)) return false;
      begin_step(stage.context, Step::none);
      continue;
    }
    if (report.kind == ReportKind::listener) {
      const bool is_given = give_to_agent(stage.context, passed, stage.child_pid);
      close(passed);
      if (!is_given) return false;
      continue;
    }
    absorb(stage, report);
    return report.kind == ReportKind::ready;
  }
}

}  // namespace

void stage_init(Stage& stage, Plan* plan) {
  memset(&stage, 0, sizeof stage);
  stage.context.plan = plan;
  stage.context.sync_fd = -1;
  stage.child_pid = -1;
  stage.child_fd = -1;
  stage.pty_fd = -1;
  stage.net_namespace_fd = -1;
  stage.root_fd = -1;
  for (int index = 0; index < 3; ++index) stage.stdio_keep[index] = stage.stdio_child[index] = -1;
}

bool stage_run(Stage& stage) {
  int sync[2];
  // Before clone: the child inherits it, and from its first moment on nothing inside may trace it or read its fds
  // (CVE-2016-9962). Not for an unprivileged caller, who may only write the id maps of what can be dumped.
  const bool hides = geteuid() == 0;
  if (hides) prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
  if (!open_stdio(stage)) return false;
  if (!stage.context.plan->prepares_inside && !prepare_trees(stage.context)) return false;
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sync) != 0) return refuse(stage, "socketpair", nullptr);
  stage.child_fd = sync[0];
  const bool is_cloned = start_child(stage, sync[1]);
  // The child has its own now. A monitor has to be open to the shim's pidfd_getfd.
  if (hides) prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
  close(sync[1]);
  const bool is_ready = is_cloned && prepare_child(stage) && wait_ready(stage);
  if (is_ready && stage.keeps_root) stage.root_fd = take_root(*stage.context.plan);
  close_trees(*stage.context.plan);
  stage.context.report.pid = stage.child_pid;
  if (!is_ready) return_net_devices(stage);
  if (stage.net_namespace_fd >= 0) close(stage.net_namespace_fd);
  if (is_ready) return true;
  if (stage.child_pid > 0) {
    kill(stage.child_pid, SIGKILL);
    int status;
    while (waitpid(stage.child_pid, &status, 0) < 0 && errno == EINTR) {
    }
  }
  return false;
}

int stage_read_outcome(Stage& stage, Report& report) {
  memset(&report, 0, offsetof(Report, steps));
  return receive_report(stage.child_fd, report, nullptr) == 1 && report.kind == ReportKind::failed ? 1 : 0;
}

}  // namespace tsc::child
