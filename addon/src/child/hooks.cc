// Hooks: see the header.
#include "child/hooks.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

namespace tsc::child {
namespace {

constexpr unsigned long kStackSize = 16 * 1024;
constexpr int kKeptOutput = 256;

/// What the vforked hook needs; it shares our memory and changes none of it but `error`.
struct Birth {
  const char* path;
  char** arguments;
  char** environment;
  const char* directory;
  int input_fd;
  int output_fd;
  int error;
};

/// The last words of a hook, for the message.
struct Output {
  char text[kKeptOutput];
  int size;
};

int be_born(void* argument) {
  Birth& birth = *static_cast<Birth*>(argument);
  setsid();
  reset_signals();
  // First out of the way of 0 to 2, should the caller have one of those closed.
  const int input = fcntl(birth.input_fd, F_DUPFD_CLOEXEC, 3);
  const int output = fcntl(birth.output_fd, F_DUPFD_CLOEXEC, 3);
  if (input >= 0 && output >= 0 && dup2(input, 0) == 0 && dup2(output, 1) == 1 && dup2(output, 2) == 2 &&
      (birth.directory == nullptr || chdir(birth.directory) == 0)) {
    close_range(3, ~0u, CLOSE_RANGE_CLOEXEC);
    execve(birth.path, birth.arguments, birth.environment);
  }
  birth.error = errno;
  _exit(127);
}

/// vfork: no page table is copied, and a caller with threads is safe. All signals blocked, so that no handler of the
/// caller runs in the shared memory.
pid_t spawn(Birth& birth, int* pidfd) {
  alignas(16) char stack[kStackSize];
  sigset_t all, before;
  sigfillset(&all);
  sigprocmask(SIG_SETMASK, &all, &before);
  const pid_t pid =
      clone(be_born, stack + kStackSize, CLONE_VM | CLONE_VFORK | CLONE_PIDFD | SIGCHLD, &birth, pidfd);
  const int error = errno;
  sigprocmask(SIG_SETMASK, &before, nullptr);
  errno = error;
  return pid;
}

void fill_vectors(const Hook& hook, Birth& birth) {
  char** next = hook.vector_space.get();
  birth.arguments = next;
  for (const Text& text : hook.arguments) *next++ = const_cast<char*>(text.get());
  *next++ = nullptr;
  birth.environment = next;
  for (const Text& text : hook.environment) *next++ = const_cast<char*>(text.get());
  *next = nullptr;
}

bool write_text(int fd, const char* text) {
  const unsigned long size = strlen(text);
  return write_retry(fd, text, size) == static_cast<long>(size);
}

/// The state in a memfd: it is whole before the hook reads it, however long it is and whether it reads it or not.
int make_state(const HookState& state, const char* status, pid_t pid) {
  const int fd = static_cast<int>(syscall(SYS_memfd_create, "state", 1u /* MFD_CLOEXEC */));
  if (fd < 0) return -1;
  char number[32] = "\"";
  if (pid > 0) format_number(number, "\",\"pid\":", pid, "");
  const bool is_written = write_text(fd, state.head.get()) && write_text(fd, status) && write_text(fd, number) &&
                          write_text(fd, state.tail.get()) && syscall(SYS_lseek, fd, 0, 0) == 0;
  if (is_written) return fd;
  const int saved = errno;
  close(fd);
  errno = saved;
  return -1;
}

/// What can be read now; false at the end.
bool read_output(int fd, Output& output) {
  char chunk[kKeptOutput];
  for (;;) {
    const long count = read_retry(fd, chunk, sizeof chunk);
    if (count <= 0) return count < 0 && errno == EAGAIN;
    const int size = static_cast<int>(count);
    const int kept = output.size + size <= kKeptOutput ? output.size : kKeptOutput - size;
    memmove(output.text, output.text + output.size - kept, static_cast<unsigned long>(kept));
    memcpy(output.text + kept, chunk, static_cast<unsigned long>(size));
    output.size = kept + size;
  }
}

/// Waits for the end and reads what the hook says meanwhile, so that it never blocks on a full pipe. False: too late.
bool wait_for_hook(int pidfd, int output_fd, std::uint32_t timeout_s, Output& output) {
  const std::uint64_t deadline = monotonic_ns() + timeout_s * 1000000000ull;
  int output_poll = output_fd;
  for (;;) {
    int timeout_ms = -1;
    if (timeout_s != 0) {
      const std::uint64_t now = monotonic_ns();
      if (now >= deadline) return false;
      const std::uint64_t left = (deadline - now) / 1000000 + 1;
      timeout_ms = left > 1000000 ? 1000000 : static_cast<int>(left);
    }
    pollfd polls[2] = {{pidfd, POLLIN, 0}, {output_poll, POLLIN, 0}};
    if (poll(polls, 2, timeout_ms) <= 0) continue;
    if (polls[1].revents != 0 && !read_output(output_fd, output)) output_poll = -1;
    // Not the pipe's end: a hook may leave a process behind that holds it.
    if (polls[0].revents != 0) return true;
  }
}

void append(char* out, int& size, const char* text, int length) {
  while (length-- > 0 && size < kReportDetail - 1) {
    const char letter = *text++;
    out[size++] = letter == '\n' || letter == '\r' || letter == '\t' ? ' ' : letter;
  }
  out[size] = '\0';
}

bool refuse(Context& context, const char* call, const char* path) {
  record_failure(context, call, path);
  return false;
}

/// "exit status 3: what it said"
bool tell_failure(Context& context, const Hook& hook, bool is_late, int status, const Output& output) {
  char* detail = context.report.detail;
  char number[64];
  int size = 0;
  if (is_late) {
    format_number(number, "killed after its timeout of ", hook.timeout_s, " s");
  } else if (WIFSIGNALED(status)) {
    format_number(number, "killed by signal ", WTERMSIG(status), "");
  } else {
    format_number(number, "exit status ", WEXITSTATUS(status), "");
  }
  append(detail, size, number, static_cast<int>(strlen(number)));
  int length = output.size;
  while (length > 0 && (output.text[length - 1] == '\n' || output.text[length - 1] == ' ')) --length;
  if (length > 0) append(detail, size, ": ", 2);
  append(detail, size, output.text, length);
  errno = 0;
  return refuse(context, "", hook.path.get());
}

}  // namespace

void reset_signals() {
  struct sigaction standard;
  memset(&standard, 0, sizeof standard);
  standard.sa_handler = SIG_DFL;
  for (int number = 1; number < 65; ++number) {
    if (number != SIGKILL && number != SIGSTOP && number != 32 && number != 33) sigaction(number, &standard, nullptr);
  }
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
}

namespace {

/// Runs it with `input_fd` as its stdin, which is closed, and waits for its end.
bool run_with_input(Context& context, const Hook& hook, int input_fd, const char* directory) {
  const char* path = hook.path.get();
  int output_pipe[2];
  if (pipe2(output_pipe, O_CLOEXEC) != 0) {
    const int saved = errno;
    close(input_fd);
    errno = saved;
    return refuse(context, "pipe2", path);
  }
  fcntl(output_pipe[0], F_SETFL, O_NONBLOCK);
  Birth birth = {path, nullptr, nullptr, directory, input_fd, output_pipe[1], 0};
  fill_vectors(hook, birth);
  int pidfd = -1;
  const pid_t hook_pid = spawn(birth, &pidfd);
  const int clone_error = errno;
  close(input_fd);
  close(output_pipe[1]);
  Output output;
  output.size = 0;
  bool is_late = false;
  int exit_status = 0;
  if (hook_pid >= 0) {
    is_late = !wait_for_hook(pidfd, output_pipe[0], hook.timeout_s, output);
    if (is_late) kill(-hook_pid, SIGKILL);
    while (waitpid(hook_pid, &exit_status, 0) < 0 && errno == EINTR) {
    }
    read_output(output_pipe[0], output);
    close(pidfd);
  }
  close(output_pipe[0]);
  if (hook_pid < 0 || birth.error != 0) {
    errno = hook_pid < 0 ? clone_error : birth.error;
    return refuse(context, hook_pid < 0 ? "clone" : "execve", path);
  }
  if (is_late || exit_status != 0) return tell_failure(context, hook, is_late, exit_status, output);
  return true;
}

}  // namespace

bool run_hook(Context& context, const Hook& hook, const char* status, pid_t pid, const char* directory) {
  const int state_fd = make_state(context.plan->hook_state, status, pid);
  if (state_fd < 0) return refuse(context, "memfd_create", hook.path.get());
  return run_with_input(context, hook, state_fd, directory);
}

bool run_program(Context& context, const Hook& program) {
  const int input_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
  if (input_fd < 0) return refuse(context, "open", "/dev/null");
  return run_with_input(context, program, input_fd, nullptr);
}

bool run_hooks(Context& context, Step step, const List<Hook>& hooks, const char* status, pid_t pid,
               const char* directory) {
  std::uint16_t index = 0;
  for (const Hook& hook : hooks) {
    begin_step(context, step, index++);
    if (!run_hook(context, hook, status, pid, directory)) return false;
  }
  return true;
}

}  // namespace tsc::child
