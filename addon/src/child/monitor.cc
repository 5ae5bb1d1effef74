// The monitor's life: stage, report, then one poll loop until its child has ended and its output has been read.
//
// It is deliberately dumb: it parses nothing, logs nothing and listens to nobody, so there is no reason ever to
// restart it. SIGUSR1: drop the write end of stdin. Every other catchable signal is ignored.
#include "child/monitor.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "child/copy.h"
#include "child/stage.h"
#include "child/unread-output.h"

namespace tsc::child {
namespace {

/// How long the last bytes of a terminal may wait for room in their FIFO before the exit is told all the same.
constexpr std::uint64_t kDrainNs = 30ull * 1000000000ull;
constexpr std::uint64_t kNsPerMs = 1000000;
/// How old its child gets before a monitor lets go of the memory that the making of it took.
constexpr std::uint64_t kSettleNs = 100 * kNsPerMs;

struct Monitor {
  Stage stage;
  int signal_fd;
  bool is_outcome_known;
  bool is_exited;
  int status;
  bool is_terminal;
  Copy output;
  Copy input;
};

char input_buffer[kCopyBuffer];
char output_buffer[kCopyBuffer];

}  // namespace

int open_monitor_signals() {
  sigset_t all;
  sigfillset(&all);
  sigprocmask(SIG_SETMASK, &all, nullptr);
  sigset_t heard;
  sigemptyset(&heard);
  sigaddset(&heard, SIGCHLD);
  sigaddset(&heard, SIGUSR1);
  return signalfd(-1, &heard, SFD_CLOEXEC | SFD_NONBLOCK);
}

bool receive_monitor_fds() {
  char byte;
  iovec data = {&byte, 1};
  alignas(cmsghdr) char control[CMSG_SPACE(kMaxMonitorFds * sizeof(int))];
  msghdr message;
  memset(&message, 0, sizeof message);
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  long received;
  do {
    received = recvmsg(kMonitorChannelFd, &message, MSG_CMSG_CLOEXEC);
  } while (received < 0 && errno == EINTR);
  const cmsghdr* header = CMSG_FIRSTHDR(&message);
  if (received != 1 || header == nullptr || header->cmsg_type != SCM_RIGHTS) return false;
  int first;
  memcpy(&first, CMSG_DATA(header), sizeof first);
  return first == kMonitorPeerFd && (message.msg_flags & MSG_CTRUNC) == 0;
}

namespace {

Plan* map_plan() {
  struct stat found;
  if (fstat(kMonitorPlanFd, &found) != 0) return nullptr;
  void* memory =
      mmap(nullptr, static_cast<unsigned long>(found.st_size), PROT_READ | PROT_WRITE, MAP_PRIVATE, kMonitorPlanFd, 0);
  if (memory == MAP_FAILED) return nullptr;
  Plan* plan = static_cast<Plan*>(memory);
  return plan->magic == kPlanMagic ? plan : nullptr;
}

/// In place, as long as the argument is: the rest becomes zeros.
void write_title(char* title, const char* label) {
  const unsigned long room = strlen(title);
  for (unsigned long index = 0; index < room; ++index) {
    title[index] = label == nullptr || *label == '\0' ? '\0' : *label++;
  }
}

void set_cloexec() {
  // The channel came through execve and so lost the flag; the container's process must not get one of them.
  close_range(3, ~0u, CLOSE_RANGE_CLOEXEC);
}

void close_fd(int& fd) {
  if (fd >= 0) close(fd);
  fd = -1;
}

/// The record first under another name: whoever finds `exit` finds it whole.
void write_exit_record(const Monitor& monitor) {
  timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  ExitFile record;
  memset(&record, 0, sizeof record);
  record.magic = kExitMagic;
  record.pid = monitor.stage.child_pid;
  record.status = monitor.status;
  record.exited_at_ns = static_cast<std::int64_t>(now.tv_sec) * 1000000000 + now.tv_nsec;
  const int fd = openat(kMonitorDirectoryFd, ".exit", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (fd < 0) return;  // the state directory is gone: nobody will ask
  const bool is_whole = write_retry(fd, &record, sizeof record) == static_cast<long>(sizeof record);
  close(fd);
  if (is_whole) renameat(kMonitorDirectoryFd, ".exit", kMonitorDirectoryFd, "exit");
}

void on_signals(Monitor& monitor) {
  signalfd_siginfo info;
  while (read(monitor.signal_fd, &info, sizeof info) == static_cast<long>(sizeof info)) {
    if (info.ssi_signo == SIGUSR1) close_fd(monitor.stage.stdio_keep[0]);
  }
  int status;
  const pid_t pid = waitpid(monitor.stage.child_pid, &status, WNOHANG);
  if (pid != monitor.stage.child_pid) return;
  monitor.is_exited = true;
  monitor.status = status;
}

void on_outcome(Monitor& monitor) {
  Report report;
  monitor.is_outcome_known = true;
  const int failed = stage_read_outcome(monitor.stage, report);
  if (failed == 0) report.kind = ReportKind::started;
  report.pid = monitor.stage.child_pid;
  send_report(kMonitorChannelFd, report);
  close_fd(monitor.stage.child_fd);
}

void start_copies(Monitor& monitor) {
  Stage& stage = monitor.stage;
  monitor.is_terminal = stage.pty_fd >= 0;
  monitor.output = {-1, -1, output_buffer, 0, 0};
  monitor.input = {-1, -1, input_buffer, 0, 0};
  if (!monitor.is_terminal) return;
  // At a fixed number, so that resizePty finds it with pidfd_getfd.
  if (dup3(stage.pty_fd, kMonitorPtyFd, O_CLOEXEC) >= 0) {
    close(stage.pty_fd);
    stage.pty_fd = kMonitorPtyFd;
  }
  const int pty = stage.pty_fd;
  fcntl(pty, F_SETFL, fcntl(pty, F_GETFL) | O_NONBLOCK);
  for (int index = 0; index < 2; ++index) {
    const int fd = stage.stdio_child[index];
    if (fd >= 0) fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
  }
  monitor.output.from = pty;
  monitor.output.to = stage.stdio_child[1];
  monitor.input.from = stage.stdio_child[0];
  monitor.input.to = pty;
}

int add_poll(pollfd* polls, int count, int fd, short events) {
  polls[count] = {fd, events, 0};
  return count + 1;
}

/// One turn of the loop; `timeout_ms` as for poll.
void turn(Monitor& monitor, int timeout_ms) {
  pollfd polls[6];
  int count = add_poll(polls, 0, monitor.signal_fd, POLLIN);
  const int outcome = monitor.is_outcome_known ? -1 : count;
  if (outcome >= 0) count = add_poll(polls, count, monitor.stage.child_fd, POLLIN);
  Copy* copies[] = {&monitor.output, &monitor.input};
  int reads[2] = {-1, -1};
  int writes[2] = {-1, -1};
  for (int index = 0; index < 2; ++index) {
    Copy& copy = *copies[index];
    if (copy.wants_write()) {
      writes[index] = count;
      count = add_poll(polls, count, copy.to, POLLOUT);
    } else if (copy.wants_read()) {
      reads[index] = count;
      count = add_poll(polls, count, copy.from, POLLIN);
    }
  }
  if (poll(polls, static_cast<nfds_t>(count), timeout_ms) <= 0) return;
  for (int index = 0; index < 2; ++index) {
    if (writes[index] >= 0 && polls[writes[index]].revents != 0) copy_write(*copies[index]);
    if (reads[index] >= 0 && polls[reads[index]].revents != 0) copy_read(*copies[index]);
  }
  if (outcome >= 0 && polls[outcome].revents != 0) on_outcome(monitor);
  if (polls[0].revents != 0) on_signals(monitor);
}

/// A terminal that the last writer may still hold open: what has been written is passed on, then that is that.
void drain_terminal(Monitor& monitor) {
  Copy& output = monitor.output;
  monitor.input.from = -1;
  monitor.input.begin = monitor.input.end = 0;
  const std::uint64_t deadline = monotonic_ns() + kDrainNs;
  while (monotonic_ns() < deadline) {
    if (output.wants_read()) copy_read(output);
    if (!output.wants_write()) return;
    copy_write(output);
    if (output.wants_write()) turn(monitor, 1000);
  }
}

/// A stdin FIFO's last end, and the container's own ends, go at once; the process that had them is gone.
void release_stdio(Monitor& monitor) {
  close_fd(monitor.stage.stdio_keep[0]);
  for (int index = 0; index < 3; ++index) close_fd(monitor.stage.stdio_child[index]);
  close_fd(monitor.stage.pty_fd);
}

/// The last end of the root filesystem: closing it unmounts it, and that writes what is dirty on the disk below. Held until
/// now so that it is not the child's end that waits for this, and its news with it. Whoever needs it gone takes the lock.
void release_root(Monitor& monitor) {
  close_fd(monitor.stage.root_fd);
  flock(kMonitorDirectoryFd, LOCK_UN);
}

int refuse_plan(Monitor& monitor) {
  Context& context = monitor.stage.context;
  begin_step(context, Step::read_plan);
  errno = EPROTO;
  record_failure(context, "mmap", "tsrunc is of another build than its caller");
  send_report(kMonitorChannelFd, context.report);
  return 125;
}

/// Between create and "ready" the shim may die: its end of the channel is then only our own copy, and we go on.
bool run_stage(Monitor& monitor, Plan* plan) {
  stage_init(monitor.stage, plan);
  monitor.stage.keeps_root = true;
  Report& report = monitor.stage.context.report;
  const bool is_ready = stage_run(monitor.stage);
  if (is_ready) {
    start_copies(monitor);  // first: with the report the terminal may be asked for
    report.kind = ReportKind::created;
  }
  send_report(kMonitorChannelFd, report);
  return is_ready;
}

/// Lets go of the program's own text and constants: they come back from the page cache as the loop needs them, which
/// is a tenth of what the stage has touched. Never of writable segments: their changes would be lost.
void drop_text() {
  const Elf64_Phdr* header = reinterpret_cast<const Elf64_Phdr*>(getauxval(AT_PHDR));
  const unsigned long count = header == nullptr ? 0 : getauxval(AT_PHNUM);
  for (unsigned long index = 0; index < count; ++index) {
    const Elf64_Phdr& segment = header[index];
    if (segment.p_type != PT_LOAD || (segment.p_flags & PF_W) != 0) continue;
    const unsigned long begin = segment.p_vaddr & ~4095ul;
    madvise(reinterpret_cast<void*>(begin), segment.p_vaddr + segment.p_memsz - begin, MADV_DONTNEED);
  }
}

/// Only what the rest of the life needs stays open.
void close_spent(Monitor& monitor, const Plan* plan) {
  Stage& stage = monitor.stage;
  if (!monitor.is_terminal) {
    for (int index = 0; index < 3; ++index) close_fd(stage.stdio_child[index]);
  }
  close(kMonitorPlanFd);
  const unsigned count = static_cast<unsigned>(plan->named_fd_count);
  if (count > 0) close_range(kMonitorFirstFd, kMonitorFirstFd + count - 1, 0);
}

/// To the process's end, its record, and the reading of its last output.
int live(Monitor& monitor) {
  while (!monitor.is_exited) turn(monitor, -1);
  if (!monitor.is_outcome_known) on_outcome(monitor);
  if (monitor.is_terminal) drain_terminal(monitor);
  release_stdio(monitor);
  write_exit_record(monitor);
  if (write_retry(kMonitorExitWriteFd, "x", 1) < 0) return 1;
  close(kMonitorExitReadFd);
  close(kMonitorExitWriteFd);
  int* outputs = &monitor.stage.stdio_keep[1];
  // The readers' end of file: for them too it must not wait for the root.
  if (!is_unread(outputs[0]) && !is_unread(outputs[1])) {
    close_fd(outputs[0]);
    close_fd(outputs[1]);
  }
  release_root(monitor);
  outlast_unread_output(outputs[0], outputs[1]);
  return 0;
}

}  // namespace

int monitor_main(char* title) {
  static Monitor monitor;
  set_cloexec();
  prctl(PR_SET_NAME, "tsrunc-monitor", 0, 0, 0);
  setsid();
  if (!receive_monitor_fds()) return 0;
  flock(kMonitorDirectoryFd, LOCK_EX | LOCK_NB);  // until release_root
  Plan* plan = map_plan();
  if (plan == nullptr) return refuse_plan(monitor);
  if (title != nullptr) write_title(title, plan->label.get());
  monitor.signal_fd = open_monitor_signals();
  if (!run_stage(monitor, plan)) return 1;
  close_spent(monitor, plan);
  // What a short life has touched goes with it: letting go of that would only delay the news of its end.
  const std::uint64_t settled = monotonic_ns() + kSettleNs;
  while (!monitor.is_exited && monotonic_ns() < settled) turn(monitor, kSettleNs / kNsPerMs);
  if (!monitor.is_exited) {
    munmap(plan, plan->size);
    drop_text();
  }
  return live(monitor);
}

int attend(const Attended& attended, char* title, const char* label) {
  static Monitor monitor;
  set_cloexec();
  prctl(PR_SET_NAME, "tsrunc-monitor", 0, 0, 0);
  if (title != nullptr) write_title(title, label);
  Stage& stage = monitor.stage;
  stage_init(stage, nullptr);
  stage.child_pid = attended.pid;
  stage.pty_fd = attended.pty_fd;
  for (int index = 0; index < 3; ++index) stage.stdio_keep[index] = attended.stdio_keep[index];
  for (int index = 0; index < 2; ++index) stage.stdio_child[index] = attended.stdio_child[index];
  monitor.signal_fd = attended.signal_fd;
  monitor.is_outcome_known = true;
  start_copies(monitor);
  drop_text();
  return live(monitor);
}

}  // namespace tsc::child
