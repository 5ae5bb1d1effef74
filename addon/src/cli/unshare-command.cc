// unshare: util-linux's command, as far as `tsctl unshare` shows it. A program in new namespaces, nothing else.
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/commands.h"
#include "cli/options.h"
#include "linux/error.h"
#include "linux/file.h"

namespace tsc::cli {
namespace {

struct Kind {
  const char* option;
  char letter;
  int flag;
};

constexpr Kind kKinds[] = {
    {"pid", 'p', CLONE_NEWPID},       {"mount", 'm', CLONE_NEWNS},  {"net", 'n', CLONE_NEWNET},
    {"uts", 'u', CLONE_NEWUTS},       {"ipc", 'i', CLONE_NEWIPC},   {"user", 'U', CLONE_NEWUSER},
    {"cgroup", 'C', CLONE_NEWCGROUP}, {"time", 'T', CLONE_NEWTIME},
};

void map_root(uid_t uid, gid_t gid) {
  // Without this an unprivileged writer may not set a gid map. user_namespaces(7)
  write_file("map root", "/proc/self/setgroups", "deny");
  write_file("map root", "/proc/self/uid_map", "0 " + std::to_string(uid) + " 1");
  write_file("map root", "/proc/self/gid_map", "0 " + std::to_string(gid) + " 1");
}

/// The program as child: the first process of a new pid namespace has pid 1. Its end is ours.
int run_forked(const Options& options, void (*execute)(const Options&)) {
  // Signals from the terminal reach the whole group; only the program is to answer them.
  signal(SIGINT, SIG_IGN);
  signal(SIGTERM, SIG_IGN);
  const pid_t pid = fork();
  if (pid < 0) throw_errno("fork", "fork");
  if (pid == 0) {
    signal(SIGINT, SIG_DFL);
    signal(SIGTERM, SIG_DFL);
    execute(options);
  }
  int status;
  while (waitpid(pid, &status, 0) < 0) {
    if (errno != EINTR) throw_errno("wait", "waitpid");
  }
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

void mount_proc(const std::string& path) {
  if (mount("proc", path.c_str(), "proc", MS_NOSUID | MS_NOEXEC | MS_NODEV, nullptr) != 0)
    throw_errno("mount proc", "mount", path);
}

[[noreturn]] void execute(const Options& options) {
  try {
    if (options.has("mount-proc")) mount_proc("/proc");
  } catch (const RuntimeError& error) {
    fprintf(stderr, "tsrunc: unshare: %s\n", error.what());
    _exit(1);
  }
  std::vector<char*> arguments;
  const char* shell = getenv("SHELL");
  static std::string fallback = shell == nullptr ? "/bin/sh" : shell;
  for (const std::string& word : options.arguments()) arguments.push_back(const_cast<char*>(word.c_str()));
  if (arguments.empty()) arguments.push_back(fallback.data());
  arguments.push_back(nullptr);
  execvp(arguments[0], arguments.data());
  const int error = errno;
  fprintf(stderr, "tsrunc: unshare: execute %s: %s\n", arguments[0], errno_name(error).c_str());
  _exit(error == ENOENT ? 127 : 126);
}

}  // namespace

int run_unshare(const Words& words) {
  std::vector<Option> known = {{"fork", 'f', false}, {"mount-proc", 0, false}, {"map-root-user", 'r', false}};
  for (const Kind& kind : kKinds) known.push_back({kind.option, kind.letter, false});
  const Options options(words, known, true);
  int flags = 0;
  for (const Kind& kind : kKinds) {
    if (options.has(kind.option)) flags |= kind.flag;
  }
  // As util-linux: a mapped root needs a user namespace, a /proc of its own a mount namespace.
  if (options.has("map-root-user")) flags |= CLONE_NEWUSER;
  if (options.has("mount-proc")) flags |= CLONE_NEWNS;
  const uid_t uid = geteuid();
  const gid_t gid = getegid();
  if (unshare(flags) != 0) throw_errno("new namespaces", "unshare");
  if (options.has("map-root-user")) map_root(uid, gid);
  if ((flags & CLONE_NEWNS) != 0 && mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) {
    throw_errno("set propagation", "mount", "/");
  }
  if (options.has("fork")) return run_forked(options, execute);
  execute(options);
}

}  // namespace tsc::cli
