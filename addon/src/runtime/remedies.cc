// Remedies: see the header.
#include "runtime/remedies.h"

#include <errno.h>
#include <string.h>

namespace tsc {
namespace {

using child::Step;

struct Remedy {
  Step step;  // Step::none: any
  int error;
  const char* call;  // null: any
  const char* text;
};

// The first that fits counts.
constexpr Remedy kRemedies[] = {
    {Step::none, ECHILD, "recvmsg", "the process was killed before it was ready: is the memory limit too small?"},
    {Step::clone, EPERM, nullptr, "new namespaces need CAP_SYS_ADMIN, or a user namespace among them"},
    {Step::clone, EACCES, nullptr, "the process may not be born into the cgroup"},
    {Step::clone, EINVAL, nullptr, "the kernel lacks one of the namespaces of linux.namespaces"},
    {Step::clone, ENOSPC, nullptr, "no more namespaces are allowed: see /proc/sys/user/max_*_namespaces"},
    {Step::clone, EAGAIN, nullptr, "no more processes are allowed: see RLIMIT_NPROC and pids.max"},
    {Step::clone, EBUSY, nullptr, "the cgroup delegates controllers, and so may hold no process"},
    {Step::join_namespaces, ENOENT, nullptr, "the namespace is gone: does its process still run?"},
    {Step::join_namespaces, EINVAL, nullptr, "not a namespace of the type that linux.namespaces says"},
    {Step::join_namespaces, EPERM, nullptr, "joining needs CAP_SYS_ADMIN in the namespace's user namespace"},
    {Step::write_id_maps, EPERM, nullptr, "mapping ids other than one's own needs CAP_SETUID and CAP_SETGID"},
    {Step::write_id_maps, EINVAL, nullptr, "mappings must not overlap, and at most 340 are allowed"},
    {Step::enter_cgroup, ENOSPC, nullptr, "the cpuset above it has no cpus or no mems"},
    {Step::enter_cgroup, ENODEV, nullptr, "the cgroup has been removed meanwhile"},
    {Step::enter_cgroup, EAGAIN, nullptr, "the pids limit of the cgroup is reached"},
    {Step::prepare_rootfs, EINVAL, nullptr, "the layers do not make an overlay: see the kernel's log"},
    {Step::prepare_rootfs, ENODEV, nullptr, "the kernel has no such file system"},
    {Step::prepare_binds, ENOENT, nullptr, "the source of the bind is missing"},
    {Step::prepare_binds, EACCES, nullptr, "the way to the source is closed to this user"},
    {Step::attach_rootfs, EINVAL, nullptr, "the root lies on a mount that may not be moved"},
    {Step::mount, ENODEV, nullptr, "the kernel has no such file system"},
    {Step::mount, EXDEV, "fstatfs", "a link leads the target onto procfs, which nothing may cover"},
    {Step::mount, ENOTDIR, nullptr, "a directory on a file, or the other way round"},
    {Step::mount, EROFS, nullptr, "the target is missing, and its file system is read-only"},
    {Step::mount, EPERM, "fsmount", "the user namespace may not mount this file system"},
    {Step::mount, EPERM, "fsconfig", "the user namespace may not mount this file system"},
    {Step::mount, EINVAL, "fsconfig", "an option is unknown to the file system: see the kernel's log"},
    {Step::make_devices, EPERM, nullptr, "making device nodes needs CAP_MKNOD"},
    {Step::open_console, ENOENT, nullptr, "process.terminal needs a devpts on /dev/pts"},
    {Step::open_console, EXDEV, nullptr, "what lies on /dev/pts is no devpts"},
    {Step::open_console, ELOOP, nullptr, "a link where the console should be"},
    {Step::pivot_root, EINVAL, nullptr, "the root's parent mount is shared, or the root is no mount: see --no-pivot"},
    {Step::write_sysctl, ENOENT, nullptr, "the kernel has no such sysctl here"},
    {Step::write_sysctl, EACCES, nullptr, "the sysctl is not the namespace's own"},
    {Step::write_sysctl, EINVAL, nullptr, "the value is not one that this sysctl takes"},
    {Step::mask_path, ENOENT, "openat2", "linux.maskedPaths need /dev/null in the container"},
    {Step::mask_path, ENODEV, nullptr, "what the container has at /dev/null is not the null device"},
    {Step::set_rlimit, EPERM, nullptr, "raising a hard limit needs CAP_SYS_RESOURCE"},
    {Step::set_scheduler, EPERM, nullptr, "the policy needs CAP_SYS_NICE or, on cgroup v1, realtime for the container"},
    {Step::set_io_priority, EPERM, nullptr, "IOPRIO_CLASS_RT needs CAP_SYS_ADMIN or CAP_SYS_NICE"},
    {Step::set_affinity, EINVAL, nullptr, "none of the processors is there, and in the container's cpuset"},
    {Step::set_memory_policy, EINVAL, nullptr, "none of the nodes is there, and in the container's cpuset"},
    {Step::set_memory_policy, ENOSYS, nullptr, "the kernel has no NUMA"},
    {Step::move_net_device, EEXIST, nullptr, "the container has a device of that name already"},
    {Step::move_net_device, EINVAL, nullptr, "the device may not change its network namespace"},
    {Step::set_label, EINVAL, nullptr, "no such profile or label is loaded"},
    {Step::set_label, ENOENT, nullptr, "no such profile is loaded"},
    {Step::set_user, EINVAL, nullptr, "the id is not mapped in the user namespace"},
    {Step::set_user, EPERM, nullptr, "changing users needs CAP_SETUID and CAP_SETGID"},
    {Step::set_capabilities, EPERM, nullptr, "changing capabilities needs CAP_SETPCAP"},
    {Step::change_directory, EXDEV, nullptr, "the working directory lies outside the container"},
    {Step::change_directory, ENOENT, nullptr, "process.cwd is missing in the container"},
    {Step::load_seccomp, EACCES, nullptr, "a filter without process.noNewPrivileges needs CAP_SYS_ADMIN"},
    {Step::load_seccomp, EINVAL, nullptr, "the kernel does not know a flag or an action of the profile"},
    {Step::load_seccomp, EBUSY, nullptr, "an outer filter has a notify listener already"},
    {Step::load_seccomp, EPERM, "sendmsg", "the profile refuses sendmsg, which hands out the listener"},
    {Step::notify_agent, ENOENT, nullptr, "nobody listens at linux.seccomp.listenerPath"},
    {Step::notify_agent, ECONNREFUSED, nullptr, "nobody listens at linux.seccomp.listenerPath"},
    {Step::none, EMFILE, nullptr, "too many open files: see RLIMIT_NOFILE"},
    {Step::none, ENFILE, nullptr, "the machine has too many open files: see /proc/sys/fs/file-max"},
    {Step::none, ENOSPC, nullptr, "a file system or the limit of mounts is full: see /proc/sys/fs/mount-max"},
};

/// A link in place of /proc or /sys, in the words that runc's users know.
std::string link_text(const child::Report& report, const child::Plan* plan) {
  const bool is_link = report.step == Step::mount && (report.error == ELOOP || report.error == ENOTDIR);
  if (!is_link || plan == nullptr || report.index >= plan->mounts.count) return "";
  const child::Mount& mount = plan->mounts[report.index];
  if (!mount.refuses_symlinks || !mount.type) return "";
  return std::string("filesystem \"") + mount.type.get() + "\" must be mounted on ordinary directory";
}

}  // namespace

std::string remedy_for(const child::Report& report, const child::Plan* plan) {
  const std::string link = link_text(report, plan);
  if (!link.empty()) return link;
  for (const Remedy& remedy : kRemedies) {
    if (remedy.error != report.error || (remedy.step != Step::none && remedy.step != report.step)) continue;
    if (remedy.call == nullptr || strcmp(remedy.call, report.call) == 0) return remedy.text;
  }
  return "";
}

}  // namespace tsc
