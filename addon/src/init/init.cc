// The init of a container started with --init, bound to /sbin/docker-init: it passes signals on and reaps orphans.
//
//   docker-init -- COMMAND [ARGUMENT...]
//
// It ends with the command's exit code, or 128 and the number of the signal that killed it. Static and without heap: it
// runs in whatever root filesystem an image brings.
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

namespace {

constexpr int kNotFound = 127;
constexpr int kNotExecutable = 126;

/// Signals that say something about this process itself: they keep their own effect.
constexpr int kOwnSignals[] = {SIGFPE, SIGILL, SIGSEGV, SIGBUS, SIGABRT, SIGTRAP, SIGSYS, SIGTTIN, SIGTTOU};

[[noreturn]] void run(char** command, const sigset_t& signals) {
  // a group of its own in the foreground, so that a terminal's signals reach the command once, not through us too
  setpgid(0, 0);
  signal(SIGTTOU, SIG_IGN);
  tcsetpgrp(STDIN_FILENO, getpgrp());
  signal(SIGTTOU, SIG_DFL);
  sigprocmask(SIG_SETMASK, &signals, nullptr);
  execvp(command[0], command);
  const int error = errno;
  std::fprintf(stderr, "docker-init: exec %s: %s\n", command[0], std::strerror(error));
  _exit(error == ENOENT ? kNotFound : kNotExecutable);
}

int exit_code(int status) { return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status); }

/// Reaps all that have ended; true once the command has, with its code.
bool reap(pid_t command, int& code) {
  bool has_ended = false;
  for (;;) {
    int status = 0;
    const pid_t pid = waitpid(-1, &status, WNOHANG);
    if (pid <= 0) return has_ended;
    if (pid != command) continue;
    has_ended = true;
    code = exit_code(status);
  }
}

}  // namespace

int main(int argc, char** argv) {
  int first = 1;
  if (first < argc && std::strcmp(argv[first], "--") == 0) ++first;
  if (first >= argc) {
    std::fprintf(stderr, "usage: docker-init -- COMMAND [ARGUMENT...]\n");
    return 1;
  }
  sigset_t waited;
  sigset_t inherited;
  sigfillset(&waited);
  for (const int number : kOwnSignals) sigdelset(&waited, number);
  sigprocmask(SIG_SETMASK, &waited, &inherited);

  const pid_t command = fork();
  if (command < 0) {
    std::perror("docker-init: fork");
    return 1;
  }
  if (command == 0) run(argv + first, inherited);

  for (;;) {
    siginfo_t info{};
    const int number = sigwaitinfo(&waited, &info);
    if (number < 0) continue;  // EINTR: a stop and a continue
    if (number != SIGCHLD) {
      kill(command, number);
      continue;
    }
    int code = 0;
    if (reap(command, code)) return code;
  }
}
