// The container's own process, from clone to execve: init builds the container around itself, an exec process only
// takes its place in it. The order of the steps is the point of this file.
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "child/detached-root.h"
#include "child/devices.h"
#include "child/hooks.h"
#include "child/mounts.h"
#include "child/net-devices.h"
#include "child/private-proc.h"
#include "child/process.h"
#include "child/stage.h"
#include "child/trees.h"

namespace tsc::child {
namespace {

/// As the container sees it.
pid_t own_pid() { return static_cast<pid_t>(syscall(SYS_getpid)); }

void wait_release(Context& context) {
  char byte;
  if (read_retry(context.sync_fd, &byte, 1) != 1) fail(context, "read", "release");
}

void become_mapped_root(Context& context) {
  if (context.plan->waits_release) {
    begin_step(context, Step::wait_release);
    wait_release(context);
  }
  // As the stage did already, unless its caller is no root: then only now, since the maps are written.
  prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
  if (!context.plan->becomes_mapped_root) return;
  begin_step(context, Step::become_root);
  if (syscall(SYS_setresgid, 0, 0, 0) != 0) fail(context, "setresgid", nullptr);
  if (syscall(SYS_setresuid, 0, 0, 0) != 0) fail(context, "setresuid", nullptr);
  if (syscall(SYS_setgroups, 0, nullptr) != 0 && errno != EPERM) fail(context, "setgroups", nullptr);
}

/// "0" into `tasks`, by the task itself, while it has one thread: of all ways into a v1 cgroup the only one that
/// takes no lock over every thread group, which costs 7 to 15 ms of RCU on a machine that was idle.
void enter_cgroups(Context& context) {
  const Plan& plan = *context.plan;
  begin_step(context, Step::enter_cgroup);
  for (const CgroupHierarchy& hierarchy : plan.hierarchies) {
    if (hierarchy.tasks_fd < 0) continue;
    if (write_retry(hierarchy.tasks_fd, "0", 1) != 1) fail(context, "write", hierarchy.name.get());
    close(hierarchy.tasks_fd);
  }
  const int resctrl_fds[] = {plan.resctrl_fd, plan.monitor_group_fd};
  for (const int group_fd : resctrl_fds) {
    if (group_fd >= 0 && write_retry(group_fd, "0", 1) != 1) fail(context, "write", "resctrl tasks");
  }
  if (plan.process.final_cpus.count > 0) {
    begin_step(context, Step::set_affinity);
    if (!set_affinity(plan.process.final_cpus)) fail(context, "sched_setaffinity", "execCPUAffinity.final");
  }
  if (plan.cgroup_namespace_fd >= 0) {
    begin_step(context, Step::join_namespaces);
    if (setns(plan.cgroup_namespace_fd, CLONE_NEWCGROUP) != 0) fail(context, "setns", "cgroup");
    close(plan.cgroup_namespace_fd);
  }
  if (!plan.unshares_cgroup) return;
  begin_step(context, Step::new_cgroup_namespace);
  if (unshare(CLONE_NEWCGROUP) != 0) fail(context, "unshare", "cgroup");
}

void name_host(Context& context) {
  const Plan& plan = *context.plan;
  begin_step(context, Step::set_hostname);
  const char* hostname = plan.hostname.get();
  const char* domainname = plan.domainname.get();
  if (hostname != nullptr && sethostname(hostname, strlen(hostname)) != 0) fail(context, "sethostname", hostname);
  if (domainname != nullptr && setdomainname(domainname, strlen(domainname)) != 0) {
    fail(context, "setdomainname", domainname);
  }
}

void raise_loopback(Context& context) {
  if (!context.plan->raises_loopback) return;
  begin_step(context, Step::raise_loopback);
  const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) fail(context, "socket", "lo");
  ifreq request;
  memset(&request, 0, sizeof request);
  memcpy(request.ifr_name, "lo", 3);
  request.ifr_flags = IFF_UP | IFF_RUNNING;
  if (ioctl(fd, SIOCSIFFLAGS, &request) != 0) fail(context, "ioctl", "lo");
  close(fd);
}

void write_sysctls(Context& context) {
  if (context.plan->sysctls.count == 0) return;
  begin_step(context, Step::write_sysctl);
  const int proc_fd = open_private_proc(context);
  std::uint16_t index = 0;
  for (const Sysctl& sysctl : context.plan->sysctls) {
    begin_step(context, Step::write_sysctl, index++);
    write_private_proc(context, proc_fd, sysctl.path.get(), sysctl.value.get());
  }
  close(proc_fd);
}

/// The runtime's own hooks run outside, in the stage; then those of the container, which still see the old root.
void run_hooks_before_pivot(Context& context) {
  const Plan& plan = *context.plan;
  if (plan.prestart.count + plan.create_runtime.count > 0) {
    begin_step(context, Step::prestart_hook);
    context.report.kind = ReportKind::hooks;
    if (!send_report(context.sync_fd, context.report)) fail(context, "send", "hooks");
    context.report.kind = ReportKind::none;
    context.report.step_count = 0;
    wait_release(context);
  }
  if (!run_hooks(context, Step::create_container_hook, plan.create_container, "creating", own_pid(), nullptr)) {
    send_failure(context);
  }
}

/// Mounts in the order of config.json, with the devices as soon as there is a /dev. Gives the terminal, or -1.
int build_rootfs(Context& context, int place_fd) {
  Plan& plan = *context.plan;
  // Before the propagation changes: what the host mounts later below a bind's source may still show there.
  if (plan.prepares_inside && !prepare_trees(context)) send_failure(context);
  begin_step(context, Step::set_propagation);
  set_old_root_propagation(context);
  begin_step(context, Step::attach_rootfs);
  HostFilesystems host;
  if (!plan.uses_pivot_root) find_host_filesystems(context, host);
  const int root_fd = attach_rootfs(context, place_fd);
  int devpts_fd = -1;
  std::uint16_t index = 0;
  for (Mount& mount : plan.mounts) {
    begin_step(context, Step::mount, index++);
    make_mount(context, root_fd, mount);
    if (mount.is_devpts) devpts_fd = mount.tree_fd;
    // Trees stay open until execve, all of them CLOEXEC: one close_range is cheaper than many closes.
  }
  if (plan.makes_devices) {
    begin_step(context, Step::make_devices);
    make_devices(context, root_fd);
    make_links(context, root_fd);
  }
  run_hooks_before_pivot(context);
  int terminal_fd = -1;
  if (plan.process.is_terminal) {
    begin_step(context, Step::open_console);
    terminal_fd = open_console(context, root_fd, devpts_fd, true);
  }
  // The working directory is made while the root can still be written.
  begin_step(context, Step::change_directory);
  const int cwd_fd = make_target(root_fd, plan.process.cwd.get(), true, 0);
  if (cwd_fd >= 0) close(cwd_fd);
  write_sysctls(context);
  begin_step(context, Step::readonly_path);
  for (const Text& path : plan.readonly_paths) make_path_readonly(context, root_fd, path.get());
  begin_step(context, Step::mask_path);
  int directory_mask = -1;
  for (const Text& path : plan.masked_paths) mask_path(context, root_fd, path.get(), &directory_mask);
  begin_step(context, Step::readonly_rootfs);
  finish_rootfs(context, root_fd);
  begin_step(context, Step::pivot_root);
  enter_rootfs(context, root_fd, host);
  leave_building(context);
  return terminal_fd;
}

/// The container's 0, 1, 2 as the stage opened them.
void take_stdio(Context& context, const Stage& stage) {
  for (int fd = 0; fd < 3; ++fd) {
    if (stage.stdio_child[fd] >= 0 && dup2(stage.stdio_child[fd], fd) < 0) fail(context, "dup2", "stdio");
  }
}

void tell_ready(Context& context) {
  begin_step(context, Step::none);
  context.report.kind = ReportKind::ready;
  send_report(context.sync_fd, context.report);
  context.report.kind = ReportKind::none;
  context.report.step_count = 0;
}

void end_by_signal(int number) { _exit(128 + number); }

/// Until its command runs, a signal that asks for the end is to end init, too: `kill` is legal for a created container.
/// The first process of a pid namespace is sent only what it handles. execve(2) forgets the handler. pid_namespaces(7)
void obey_end_signals() {
  struct sigaction ending;
  memset(&ending, 0, sizeof ending);
  ending.sa_handler = end_by_signal;
  constexpr int kEndSignals[] = {SIGHUP, SIGINT, SIGQUIT, SIGTERM};
  for (const int number : kEndSignals) sigaction(number, &ending, nullptr);
}

void wait_for_start(Context& context) {
  const Plan& plan = *context.plan;
  if (plan.kind != Kind::init) return;
  begin_step(context, Step::wait_start);
  char byte;
  if (read_retry(plan.exec_fifo_fd, &byte, 1) != 1) fail(context, "read", "exec.fifo");
  context.is_started = true;
  if (!run_hooks(context, Step::start_container_hook, plan.start_container, "created", own_pid(), nullptr)) {
    send_failure(context);
  }
}

/// Before the working directory is entered: a path through /proc/self/fd must find nothing of ours (CVE-2024-21626).
/// What stays, the socket and the fifo, is CLOEXEC and no directory.
void close_other_fds(Context& context) {
  const unsigned first = 3 + static_cast<unsigned>(context.plan->preserved_fds);
  const bool is_init = context.plan->kind == Kind::init;
  unsigned low = static_cast<unsigned>(context.sync_fd);
  unsigned high = is_init ? static_cast<unsigned>(context.plan->exec_fifo_fd) : low;
  if (low > high) {
    const unsigned swapped = low;
    low = high;
    high = swapped;
  }
  if (low > first) close_range(first, low - 1, 0);
  if (high > low + 1) close_range(low + 1 > first ? low + 1 : first, high - 1, 0);
  if (close_range(high + 1 > first ? high + 1 : first, ~0u, 0) != 0) fail(context, "close_range", nullptr);
}

}  // namespace

void run_child(Plan* plan, const Stage& stage, int sync_fd) {
  Context context;
  memset(&context, 0, sizeof context);
  context.plan = plan;
  context.sync_fd = sync_fd;
  umask(0);
  const int place_fd = plan->kind == Kind::init ? open_rootfs_place(context) : -1;
  become_mapped_root(context);
  enter_cgroups(context);
  begin_step(context, Step::new_session);
  setsid();
  take_stdio(context, stage);
  int terminal_fd = -1;
  if (plan->kind == Kind::init) {
    name_host(context);
    raise_loopback(context);
    configure_net_devices(context);
    prepare_process(context);
    terminal_fd = build_rootfs(context, place_fd);
  } else {
    prepare_process(context);
    enter_foreign_root(context);
    if (plan->process.is_terminal) {
      begin_step(context, Step::open_console);
      const int root_fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
      terminal_fd = open_console(context, root_fd, -1, false);
    }
  }
  if (terminal_fd >= 0) adopt_console(context, terminal_fd);
  close_other_fds(context);
  umask(022);
  become_user(context);
  reset_signals();
  if (plan->kind == Kind::init && own_pid() == 1) obey_end_signals();
  // An ordinary user's exec may only join what can be traced; all that is still open here is theirs.
  if (plan->prepares_inside) prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
  tell_ready(context);
  wait_for_start(context);
  execute(context);
}

}  // namespace tsc::child
