// The process's own attributes: see the header.
#include "child/process.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/keyctl.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "child/filter.h"
#include "child/home.h"
#include "child/private-proc.h"

namespace tsc::child {
namespace {

constexpr int kLastCapability = 63;

/// Through a procfs of our own: one inside the container could be a fake that redirects the write (CVE-2025-52881).
void set_label(Context& context) {
  const Process& process = context.plan->process;
  if (!process.lsm_label) return;
  begin_step(context, Step::set_label);
  const int proc_fd = open_private_proc(context);
  write_private_proc(context, proc_fd, process.lsm_attribute.get(), process.lsm_label.get());
  close(proc_fd);
}

void set_capabilities(Context& context, std::uint64_t effective, std::uint64_t permitted, std::uint64_t inheritable) {
  __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct data[2];
  for (int word = 0; word < 2; ++word) {
    data[word].effective = static_cast<std::uint32_t>(effective >> (32 * word));
    data[word].permitted = static_cast<std::uint32_t>(permitted >> (32 * word));
    data[word].inheritable = static_cast<std::uint32_t>(inheritable >> (32 * word));
  }
  if (syscall(SYS_capset, &header, data) != 0) fail(context, "capset", nullptr);
}

void drop_bounding_set(Context& context, const Capabilities& capabilities) {
  for (int number = 0; number <= kLastCapability; ++number) {
    if ((capabilities.bounding >> number & 1) != 0) continue;
    // EINVAL: past the last capability that this kernel knows.
    if (prctl(PR_CAPBSET_DROP, number, 0, 0, 0) != 0) {
      if (errno == EINVAL) return;
      fail(context, "prctl", "PR_CAPBSET_DROP");
    }
  }
}

void raise_ambient(Context& context, const Capabilities& capabilities) {
  if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) != 0) fail(context, "prctl", "PR_CAP_AMBIENT");
  for (int number = 0; number <= kLastCapability; ++number) {
    if ((capabilities.ambient >> number & 1) == 0) continue;
    if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, number, 0, 0) != 0) fail(context, "prctl", "PR_CAP_AMBIENT_RAISE");
  }
}

void change_user(Context& context) {
  const Process& process = context.plan->process;
  begin_step(context, Step::set_user);
  // In a user namespace without setgroups (an unprivileged gid map) there are no groups to set either.
  const std::uint64_t count = process.additional_gids.count;
  if (syscall(SYS_setgroups, count, process.additional_gids.items.get()) != 0 && !(errno == EPERM && count == 0)) {
    fail(context, "setgroups", nullptr);
  }
  if (syscall(SYS_setresgid, process.gid, process.gid, process.gid) != 0) fail(context, "setresgid", nullptr);
  if (syscall(SYS_setresuid, process.uid, process.uid, process.uid) != 0) fail(context, "setresuid", nullptr);
  if (process.has_umask) umask(process.umask);
}

/// The working directory must lie inside: a path through a leaked fd of the host would not (CVE-2024-21626).
bool enter_directory(const char* path) {
  if (chdir(path) != 0) return false;
  char current[4096];
  const long length = syscall(SYS_getcwd, current, sizeof current);
  if (length < 0) return errno == ERANGE;
  if (current[0] == '/') return true;
  errno = EXDEV;
  return false;
}

/// 0 when `path` is a regular file that this user may execute, else the errno.
int check_executable(const char* path) {
  struct stat found;
  if (stat(path, &found) != 0) return errno;
  if (S_ISDIR(found.st_mode)) return EISDIR;
  if (!S_ISREG(found.st_mode)) return EACCES;
  return faccessat(AT_FDCWD, path, X_OK, AT_EACCESS) == 0 ? 0 : errno;
}

bool is_absent(int error) { return error == ENOENT || error == ENOTDIR; }

/// As execvp walks PATH: the first entry that can be executed; a file that may not be is told before "not found".
int look_up_command(const Process& process, const char* name, char* out) {
  const char* path = process.path_variable ? process.path_variable.get() : "";
  int error = ENOENT;
  const unsigned long name_length = strlen(name);
  for (;;) {
    const char* end = path;
    while (*end != '\0' && *end != ':') ++end;
    const unsigned long length = static_cast<unsigned long>(end - path);
    if (length > 0 && length + name_length + 2 <= kPathSpace) {
      memcpy(out, path, length);
      out[length] = '/';
      memcpy(out + length + 1, name, name_length + 1);
      const int found = check_executable(out);
      if (found == 0) return 0;
      if (!is_absent(found)) error = found;
    }
    if (*end == '\0') return error;
    path = end + 1;
  }
}

void find_command(Context& context) {
  Process& process = context.plan->process;
  begin_step(context, Step::find_command);
  const char* name = process.arguments[0].get();
  char* out = process.path_space.get();
  int error;
  if (strchr(name, '/') == nullptr) {
    error = *name == '\0' ? ENOENT : look_up_command(process, name, out);
  } else if (strlen(name) >= kPathSpace) {
    error = ENAMETOOLONG;
  } else {
    strcpy(out, name);
    error = check_executable(out);
  }
  if (error == 0) return;
  errno = error;
  fail(context, "execve", name);
}

void fill_vectors(Process& process) {
  char** next = process.vector_space.get();
  process.argument_vector = next;
  for (const Text& text : process.arguments) *next++ = const_cast<char*>(text.get());
  *next++ = nullptr;
  process.environment_vector = next;
  for (const Text& text : process.environment) *next++ = const_cast<char*>(text.get());
  if (process.home_space) *next++ = process.home_space.get();
  *next = nullptr;
}

void set_memory_policy(Context& context) {
  const Process& process = context.plan->process;
  if (!process.has_memory_policy) return;
  begin_step(context, Step::set_memory_policy);
  const std::uint64_t count = process.memory_nodes.count;
  // One bit more than there are: the kernel takes the number as that of the first bit past the mask.
  const unsigned long bits = count == 0 ? 0 : count * 64 + 1;
  if (syscall(SYS_set_mempolicy, process.memory_mode, process.memory_nodes.items.get(), bits) != 0) {
    fail(context, "set_mempolicy", nullptr);
  }
}

}  // namespace

bool set_affinity(const List<std::uint64_t>& cpus) {
  return cpus.count == 0 || syscall(SYS_sched_setaffinity, 0, cpus.count * 8, cpus.items.get()) == 0;
}

const char* tune_process(Context& context, pid_t pid) {
  const Process& process = context.plan->process;
  begin_step(context, Step::set_rlimit);
  for (const Rlimit& limit : process.rlimits) {
    const struct rlimit64 values = {limit.soft, limit.hard};
    if (syscall(SYS_prlimit64, pid, limit.resource, &values, nullptr) != 0) return "prlimit64";
  }
  if (process.has_scheduler) {
    begin_step(context, Step::set_scheduler);
    if (syscall(SYS_sched_setattr, pid, &process.scheduler, 0) != 0) return "sched_setattr";
  }
  if (process.has_io_priority) {
    begin_step(context, Step::set_io_priority);
    constexpr int kWhoProcess = 1;  // IOPRIO_WHO_PROCESS
    if (syscall(SYS_ioprio_set, kWhoProcess, pid, process.io_priority) != 0) return "ioprio_set";
  }
  return nullptr;
}

void prepare_process(Context& context) {
  const Process& process = context.plan->process;
  if (process.keyring) {
    begin_step(context, Step::join_keyring);
    if (syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, process.keyring.get(), 0, 0, 0) < 0 && errno != ENOSYS) {
      fail(context, "keyctl", nullptr);
    }
  }
  if (!context.plan->is_tuned_by_stage) {
    if (const char* call = tune_process(context, 0)) fail(context, call, nullptr);
  }
  set_memory_policy(context);
  if (process.has_personality) {
    begin_step(context, Step::set_personality);
    if (personality(process.personality) < 0) fail(context, "personality", nullptr);
  }
  set_label(context);
}

void become_user(Context& context) {
  const Process& process = context.plan->process;
  const Capabilities& capabilities = process.capabilities;
  const char* cwd = process.cwd.get();
  // First as root: the directory may be closed to the user (docker run -w on a root-only directory works).
  begin_step(context, Step::change_directory);
  const bool is_entered = enter_directory(cwd);
  if (!is_entered && errno != EACCES) fail(context, "chdir", cwd);
  find_home(process);
  begin_step(context, Step::set_capabilities);
  drop_bounding_set(context, capabilities);
  if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) != 0) fail(context, "prctl", "PR_SET_KEEPCAPS");
  change_user(context);
  if (prctl(PR_SET_KEEPCAPS, 0, 0, 0, 0) != 0) fail(context, "prctl", "PR_SET_KEEPCAPS");
  begin_step(context, Step::set_capabilities);
  if (process.has_no_new_privileges && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
    fail(context, "prctl", "PR_SET_NO_NEW_PRIVS");
  }
  // Without no-new-privileges a filter wants CAP_SYS_ADMIN: load it while we still have that one.
  const bool needs_admin = process.seccomp.count != 0 && !process.has_no_new_privileges;
  const std::uint64_t admin = needs_admin ? std::uint64_t{1} << CAP_SYS_ADMIN : 0;
  set_capabilities(context, capabilities.effective | admin, capabilities.permitted | admin, capabilities.inheritable);
  if (!needs_admin) raise_ambient(context, capabilities);
  if (!is_entered) {
    begin_step(context, Step::change_directory);
    if (!enter_directory(cwd)) fail(context, "chdir", cwd);
  }
  find_command(context);
  if (loads_filter_early(*context.plan)) load_filter(context);
  if (!needs_admin) return;
  begin_step(context, Step::set_capabilities);
  set_capabilities(context, capabilities.effective, capabilities.permitted, capabilities.inheritable);
  raise_ambient(context, capabilities);
}

const char* command_path(const Context& context) { return context.plan->process.path_space.get(); }

void execute(Context& context) {
  Process& process = context.plan->process;
  fill_vectors(process);
  if (!loads_filter_early(*context.plan)) load_filter(context);
  begin_step(context, Step::execute);
  execve(command_path(context), process.argument_vector, process.environment_vector);
  fail(context, "execve", process.arguments[0].get());
}

}  // namespace tsc::child
