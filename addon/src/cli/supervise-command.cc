// supervise: the parent of a process that another OCI runtime (runc, crun) makes for the shim; what `monitor` is to ours.
//
//   tsrunc supervise --directory D [--stdin P] [--stdout P] [--stderr P] [--console SOCKET] -- PROGRAM ARGUMENT...
//
// PROGRAM is `create` or `exec --detach` of the other runtime, told to write D/pid. Our fd 3 gets one line:
// "created PID", "failed STATUS" or "error TEXT". Then the process is waited for, as its subreaper:
//
//   D/alive     a FIFO held open for writing as long as we live: whoever reads it learns of the exit by its end
//   D/control   a FIFO of lines: "resize COLUMNS ROWS", "close-stdin"
//   D/exit      "PID STATUS NANOSECONDS" (wait4's status, CLOCK_REALTIME), written whole before `alive` closes
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>

#include <map>

#include "child/copy.h"
#include "child/monitor.h"
#include "child/unread-output.h"
#include "cli/commands.h"
#include "cli/options.h"
#include "linux/error.h"
#include "linux/file.h"
#include "linux/stdio-stream.h"

namespace tsc::cli {
namespace {

constexpr int kReportFd = 3;
constexpr int kConsoleTimeoutMs = 10000;
/// How long the last bytes of a terminal may wait for room in their FIFO.
constexpr int kDrainTurns = 30;

void set_nonblocking(int fd) { fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK); }

UniqueFd listen_for_console(const std::string& path) {
  constexpr const char* kStep = "listen for the console";
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) throw_errno(ENAMETOOLONG, kStep, "bind", path);
  memcpy(address.sun_path, path.c_str(), path.size() + 1);
  UniqueFd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd) throw_errno(kStep, "socket");
  if (bind(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 || listen(fd.get(), 1) != 0)
    throw_errno(kStep, "bind", path);
  return fd;
}

/// The pty master that the runtime sends over the socket. It has been connected to before the runtime ended.
UniqueFd receive_console(int listening) {
  constexpr const char* kStep = "receive the console";
  pollfd waiting = {listening, POLLIN, 0};
  if (poll(&waiting, 1, kConsoleTimeoutMs) != 1) throw_errno(ETIMEDOUT, kStep, "poll");
  const UniqueFd peer(accept4(listening, nullptr, nullptr, SOCK_CLOEXEC));
  if (!peer) throw_errno(kStep, "accept4");
  char name[4096];
  iovec data = {name, sizeof name};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
  msghdr message = {};
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  if (recvmsg(peer.get(), &message, MSG_CMSG_CLOEXEC) < 0) throw_errno(kStep, "recvmsg");
  const cmsghdr* header = CMSG_FIRSTHDR(&message);
  if (header == nullptr || header->cmsg_type != SCM_RIGHTS) throw_errno(EPROTO, kStep, "recvmsg");
  int pty;
  memcpy(&pty, CMSG_DATA(header), sizeof pty);
  return UniqueFd(pty);
}

class Supervisor {
 public:
  explicit Supervisor(const Options& options) : options_(options), directory_(options.value("directory")) {
    alive_ = open_file("supervise", directory_ + "/alive", O_RDWR | O_NONBLOCK);
    control_ = open_file("supervise", directory_ + "/control", O_RDWR | O_NONBLOCK);
    const bool is_terminal = options.has("console");
    if (is_terminal) console_ = listen_for_console(options.value("console"));
    streams_[0] = open_stdio_stream(options.value("stdin"), true);
    streams_[1] = open_stdio_stream(options.value("stdout"), false);
    if (!is_terminal) streams_[2] = open_stdio_stream(options.value("stderr"), false);
    signals_.reset(child::open_monitor_signals());
    if (!signals_) throw_errno("supervise", "signalfd");
  }

  /// The process that the other runtime made, or its exit status when it made none.
  bool make(int& failed_status) {
    const pid_t program = run_program();
    const int status = wait_for(program);
    if (status != 0) {
      failed_status = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
      return false;
    }
    if (console_) {
      pty_ = receive_console(console_.get());
      console_.reset();
      start_copies();
    } else {
      for (StdioStream& stream : streams_) stream.child.reset();
    }
    pid_ = static_cast<pid_t>(atol(read_file("supervise", directory_ + "/pid").c_str()));
    return true;
  }

  pid_t pid() const { return pid_; }

  void wait() {
    while (ended_.count(pid_) == 0) turn(-1);
    for (int turns = 0; pty_ && turns < kDrainTurns; ++turns) {
      if (output_.wants_read()) copy_read(output_);
      if (!output_.wants_write()) break;
      copy_write(output_);
      if (output_.wants_write()) turn(1000);
    }
    // The process's own ends and stdin's last one go at once; the outputs' FIFOs may still hold what it wrote.
    streams_[0].keep.reset();
    for (StdioStream& stream : streams_) stream.child.reset();
    pty_.reset();
    timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    char record[96];
    snprintf(record, sizeof record, "%d %d %lld%09ld\n", pid_, ended_[pid_], static_cast<long long>(now.tv_sec),
             now.tv_nsec);
    // The directory may be gone by now, and nobody will ask then.
    try {
      replace_file("supervise", directory_ + "/exit", record);
    } catch (const RuntimeError&) {
      return;
    }
    alive_.reset();
    control_.reset();
    child::outlast_unread_output(streams_[1].keep.get(), streams_[2].keep.get());
  }

 private:
  pid_t run_program() {
    std::vector<char*> arguments;
    for (const std::string& word : options_.arguments()) arguments.push_back(const_cast<char*>(word.c_str()));
    arguments.push_back(nullptr);
    const UniqueFd null = open_file("supervise", "/dev/null", O_RDWR);
    const pid_t program = fork();
    if (program < 0) throw_errno("supervise", "fork");
    if (program > 0) return program;
    for (int index = 0; index < 3; ++index) dup2(pty_wanted() ? null.get() : streams_[index].child.get(), index);
    close_range(3, ~0u, CLOSE_RANGE_CLOEXEC);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, nullptr);
    execvp(arguments[0], arguments.data());
    _exit(errno == ENOENT ? 127 : 126);
  }

  bool pty_wanted() const { return static_cast<bool>(console_); }

  int wait_for(pid_t program) {
    while (ended_.count(program) == 0) turn(-1);
    return ended_[program];
  }

  void start_copies() {
    static char buffers[2][child::kCopyBuffer];
    set_nonblocking(pty_.get());
    for (int index = 0; index < 2; ++index) set_nonblocking(streams_[index].child.get());
    output_ = {pty_.get(), streams_[1].child.get(), buffers[0], 0, 0};
    input_ = {streams_[0].child.get(), pty_.get(), buffers[1], 0, 0};
  }

  void turn(int timeout_ms) {
    pollfd polls[4] = {{signals_.get(), POLLIN, 0}, {control_.get(), POLLIN, 0}, {-1, 0, 0}, {-1, 0, 0}};
    child::Copy* copies[2] = {&output_, &input_};
    for (int index = 0; index < 2; ++index) {
      const child::Copy& copy = *copies[index];
      if (copy.wants_write())
        polls[index + 2] = {copy.to, POLLOUT, 0};
      else if (copy.wants_read())
        polls[index + 2] = {copy.from, POLLIN, 0};
    }
    if (poll(polls, 4, timeout_ms) <= 0) return;
    for (int index = 0; index < 2; ++index) {
      if (polls[index + 2].revents == 0) continue;
      if (copies[index]->wants_write())
        copy_write(*copies[index]);
      else
        copy_read(*copies[index]);
    }
    if (polls[0].revents != 0) reap();
    if (polls[1].revents != 0) obey();
  }

  void reap() {
    signalfd_siginfo info;
    while (read(signals_.get(), &info, sizeof info) == static_cast<ssize_t>(sizeof info)) {
    }
    for (;;) {
      int status;
      const pid_t ended = waitpid(-1, &status, WNOHANG);
      if (ended <= 0) return;
      // Until the runtime has said which one it made, any of them may be it; later only that one counts.
      if (pid_ == 0 || ended == pid_) ended_[ended] = status;
    }
  }

  void obey() {
    char text[256];
    const ssize_t length = read(control_.get(), text, sizeof text - 1);
    if (length <= 0) return;
    text[length] = 0;
    char* rest = nullptr;
    for (char* line = strtok_r(text, "\n", &rest); line != nullptr; line = strtok_r(nullptr, "\n", &rest)) {
      unsigned columns, rows;
      if (strcmp(line, "close-stdin") == 0) {
        streams_[0].keep.reset();
      } else if (pty_ && sscanf(line, "resize %u %u", &columns, &rows) == 2) {
        const winsize size = {static_cast<unsigned short>(rows), static_cast<unsigned short>(columns), 0, 0};
        ioctl(pty_.get(), TIOCSWINSZ, &size);
      }
    }
  }

  const Options& options_;
  std::string directory_;
  UniqueFd alive_, control_, console_, signals_, pty_;
  StdioStream streams_[3];
  child::Copy output_ = {-1, -1, nullptr, 0, 0};
  child::Copy input_ = {-1, -1, nullptr, 0, 0};
  std::map<pid_t, int> ended_;
  pid_t pid_ = 0;
};

void report(const std::string& line) {
  const std::string text = line + "\n";
  // The shim may have died: the process that was made matters more than who asked for it.
  if (write(kReportFd, text.data(), text.size()) < 0) errno = 0;
  close(kReportFd);
}

}  // namespace

int run_supervise(const Words& words) {
  const std::vector<Option> known = {{"directory", 0, true}, {"stdin", 0, true},  {"stdout", 0, true},
                                     {"stderr", 0, true},    {"console", 0, true}};
  signal(SIGPIPE, SIG_IGN);
  fcntl(kReportFd, F_SETFD, FD_CLOEXEC);
  try {
    const Options options(words, known, true);
    prctl(PR_SET_NAME, "tsrunc-monitor", 0, 0, 0);
    prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
    setsid();
    Supervisor supervisor(options);
    int failed_status = 0;
    if (!supervisor.make(failed_status)) {
      report("failed " + std::to_string(failed_status));
      return 1;
    }
    report("created " + std::to_string(supervisor.pid()));
    supervisor.wait();
    return 0;
  } catch (const RuntimeError& error) {
    report(std::string("error ") + error.what());
    return 1;
  }
}

}  // namespace tsc::cli
