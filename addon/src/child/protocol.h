// The messages between the processes of one container, drawn once.
//
//   shim (or tsrunc)             monitor                          init (or exec process)
//     | vfork, execve  ------------>|
//     | plan, fds (SCM_RIGHTS) ---->|                                    (EOF instead: the monitor goes)
//     |                             | stage: stdio, trees of mounts
//     |                             | clone3  ----------------------->|
//     |                             | uid_map, gid_map, netDevices    |
//     |                             | release (1 byte) -------------->|  only with a new user namespace or devices
//     |                             |                                 | namespaces, mounts, ...
//     |                             |<------------------------- hooks |  only with prestart or createRuntime hooks
//     |                             | runs them                       |
//     |                             | release (1 byte) -------------->|
//     |                             |                                 | createContainer hooks, pivot_root, user, ...
//     |                             |<---------- console + SCM_RIGHTS |  only with a terminal
//     |                             |<--------- listener + SCM_RIGHTS |  only with seccomp's SCMP_ACT_NOTIFY
//     |                             |<----------------- ready | failed|
//     |<-- created(pid) | failed ---|                                 | waits in read(exec.fifo); exec: goes on
//     | start: one byte into exec.fifo ------------------------------>|
//     |                             |                                 | startContainer hooks
//     |                             |<------- EOF (execve) | failed   |  without a monitor: failed goes into exec.fifo
//     |<-- started | failed --------|
//     |                             | waits for its child; copies the pty
//     |<-- exit pipe closes --------| exit record written
//
// Both sockets are SOCK_SEQPACKET: one message is one Report.
#pragma once

#include <cstdint>

namespace tsc::child {

enum class ReportKind : std::uint32_t { none, console, hooks, listener, ready, created, started, failed };

/// One step of the runtime. The order is that of the names in step_name().
enum class Step : std::uint16_t {
  none,
  read_plan,
  open_stdio,
  prepare_rootfs,
  prepare_binds,
  join_namespaces,
  clone,
  write_id_maps,
  wait_release,
  move_net_device,
  become_root,
  enter_cgroup,
  new_cgroup_namespace,
  new_session,
  set_hostname,
  raise_loopback,
  configure_net_device,
  set_propagation,
  attach_rootfs,
  mount,
  make_devices,
  open_console,
  prestart_hook,
  create_runtime_hook,
  create_container_hook,
  pivot_root,
  enter_mount_namespace,
  write_sysctl,
  readonly_path,
  mask_path,
  readonly_rootfs,
  set_oom_score,
  join_keyring,
  set_rlimit,
  set_personality,
  set_scheduler,
  set_io_priority,
  set_affinity,
  set_memory_policy,
  set_label,
  set_user,
  set_capabilities,
  change_directory,
  find_command,
  load_seccomp,
  notify_agent,
  wait_start,
  start_container_hook,
  poststart_hook,
  poststop_hook,
  execute,
  count,
};

struct StepTime {
  Step step;
  std::uint16_t index;  // of the plan's list, e.g. which mount
  std::uint64_t began_ns;
  std::uint64_t ended_ns;
};

inline constexpr int kMaxStepTimes = 48;
inline constexpr int kReportPath = 256;
inline constexpr int kReportDetail = 384;

struct Report {
  ReportKind kind;
  std::int32_t pid;
  std::int32_t error;  // errno; 0: `detail` says it all
  Step step;           // that failed
  std::uint16_t index;
  bool is_oom_score_higher;  // than the plan's, since the kernel refuses to go as low
  std::int32_t oom_score;    // what it is then
  char call[24];  // system call that failed
  char path[kReportPath];
  char detail[kReportDetail];  // e.g. how a hook ended and what it said
  std::uint32_t step_count;
  StepTime steps[kMaxStepTimes];
};

/// The exit record, as it stands in the file `exit`.
struct ExitFile {
  std::uint32_t magic;
  std::int32_t pid;
  std::int32_t status;  // as wait4 gave it
  std::int32_t reserved;
  std::int64_t exited_at_ns;
};

inline constexpr std::uint32_t kExitMagic = 0x54534558;

}  // namespace tsc::child
