// Foreground processes: see the header.
#include "cli/foreground.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <termios.h>

#include "child/copy.h"
#include "linux/error.h"
#include "linux/file.h"

namespace tsc::cli {
namespace {

sigset_t forwarded_signals() {
  sigset_t set;
  sigfillset(&set);
  for (const int number : {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGTRAP, SIGSYS, SIGTTIN, SIGTTOU, SIGTSTP})
    sigdelset(&set, number);
  return set;
}

/// Raw mode on our own terminal, and back again whatever happens.
class RawTerminal {
 public:
  explicit RawTerminal(bool is_wanted) {
    is_set_ = is_wanted && tcgetattr(0, &before_) == 0;
    if (!is_set_) return;
    termios raw = before_;
    cfmakeraw(&raw);
    tcsetattr(0, TCSANOW, &raw);
  }
  ~RawTerminal() {
    if (is_set_) tcsetattr(0, TCSANOW, &before_);
  }
  RawTerminal(const RawTerminal&) = delete;
  RawTerminal& operator=(const RawTerminal&) = delete;

 private:
  termios before_;
  bool is_set_;
};

void copy_size(int pty) {
  winsize size;
  if (pty >= 0 && ioctl(0, TIOCGWINSZ, &size) == 0) ioctl(pty, TIOCSWINSZ, &size);
}

struct Loop {
  pid_t pid;
  int pty;
  int signals;
  NotifyProxy* notify;
  bool is_exited = false;
  int status = 0;
  child::Copy output = {-1, -1, nullptr, 0, 0};
  child::Copy input = {-1, -1, nullptr, 0, 0};

  void on_signal() {
    signalfd_siginfo info;
    while (read(signals, &info, sizeof info) == static_cast<ssize_t>(sizeof info)) {
      if (info.ssi_signo == SIGCHLD) continue;
      if (info.ssi_signo == SIGWINCH) {
        copy_size(pty);
      } else {
        kill(pid, static_cast<int>(info.ssi_signo));
      }
    }
    // As subreaper we may be given others' children too: reap what there is.
    for (;;) {
      int found;
      const pid_t ended = waitpid(-1, &found, WNOHANG);
      if (ended <= 0) return;
      if (ended != pid) continue;
      is_exited = true;
      status = found;
    }
  }

  void turn(int timeout_ms) {
    const int notify_fd = notify == nullptr ? -1 : notify->fd();
    pollfd polls[4] = {{signals, POLLIN, 0}, {-1, 0, 0}, {-1, 0, 0}, {notify_fd, POLLIN, 0}};
    child::Copy* copies[2] = {&output, &input};
    for (int index = 0; index < 2; ++index) {
      child::Copy& copy = *copies[index];
      if (copy.wants_write())
        polls[index + 1] = {copy.to, POLLOUT, 0};
      else if (copy.wants_read())
        polls[index + 1] = {copy.from, POLLIN, 0};
    }
    if (poll(polls, 4, timeout_ms) <= 0) return;
    for (int index = 0; index < 2; ++index) {
      child::Copy& copy = *copies[index];
      if (polls[index + 1].revents == 0) continue;
      if (copy.wants_write())
        copy_write(copy);
      else
        copy_read(copy);
    }
    if (polls[3].revents != 0) notify->forward(getpid());
    if (polls[0].revents != 0) on_signal();
  }
};

}  // namespace

Foreground::Foreground() {
  const sigset_t set = forwarded_signals();
  sigprocmask(SIG_BLOCK, &set, nullptr);
  signals_.reset(signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!signals_) throw_errno("watch signals", "signalfd");
}

Foreground::~Foreground() {
  const sigset_t set = forwarded_signals();
  sigprocmask(SIG_UNBLOCK, &set, nullptr);
}

int Foreground::wait(pid_t pid, int pty, NotifyProxy* notify) {
  static char buffers[2][child::kCopyBuffer];
  Loop loop = {pid, pty, signals_.get(), notify};
  const RawTerminal raw(pty >= 0 && isatty(0));
  if (pty >= 0) {
    copy_size(pty);
    fcntl(pty, F_SETFL, fcntl(pty, F_GETFL) | O_NONBLOCK);
    loop.output = {pty, 1, buffers[0], 0, 0};
    loop.input = {0, pty, buffers[1], 0, 0};
  }
  loop.on_signal();
  while (!loop.is_exited) loop.turn(-1);
  loop.input.from = -1;
  loop.input.begin = loop.input.end = 0;
  // What was written before the end is still in the pty.
  while (loop.output.from >= 0 || loop.output.wants_write()) {
    if (loop.output.wants_read()) copy_read(loop.output);
    if (!loop.output.wants_write()) break;
    copy_write(loop.output);
  }
  return WIFSIGNALED(loop.status) ? 128 + WTERMSIG(loop.status) : WEXITSTATUS(loop.status);
}

void write_pid_file(const std::string& path, pid_t pid) {
  // Beside and renamed, so that a reader who waits for the file finds the pid in it.
  const size_t slash = path.find_last_of('/');
  const std::string beside =
      slash == std::string::npos ? "." + path : path.substr(0, slash + 1) + "." + path.substr(slash + 1);
  const UniqueFd fd = open_file("write pid file", beside, O_WRONLY | O_CREAT | O_TRUNC, 0644);
  const std::string text = std::to_string(pid);
  if (write(fd.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size()))
    throw_errno("write pid file", "write", beside);
  if (rename(beside.c_str(), path.c_str()) != 0) throw_errno("write pid file", "rename", path);
}

}  // namespace tsc::cli
