// Spawning monitors: see the header.
#include "linux/monitor-process.h"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <algorithm>
#include <map>
#include <mutex>
#include <vector>

#include "child/plan.h"
#include "linux/error.h"
#include "linux/file.h"

namespace tsc {
namespace {

constexpr const char* kStep = "spawn monitor";
constexpr size_t kStackSize = 64 * 1024;

/// What the vforked child needs, all of it made before: it shares our memory and may change none of it but `error`.
struct Birth {
  int program_fd;
  char* const* arguments;
  char* const* environment;
  int null_fd;
  int channel_fd;
  int error;
};

/// A read-only mount of its own for the program: a container that gets hold of /proc/PID/exe cannot write through it
/// (CVE-2019-5736), and nobody can make that mount writable, since it is in no namespace. No copy, so all monitors
/// share one text in memory.
UniqueFd open_program(const std::string& path) {
  if (path == kOwnProgram) {
    // tsrunc itself, which has seen to its own protection before it did anything else.
    UniqueFd own(open(kOwnProgram, O_PATH | O_CLOEXEC));
    if (!own) throw_errno(kStep, "open", path);
    return own;
  }
  UniqueFd tree(open_tree(AT_FDCWD, path.c_str(), OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC));
  if (!tree) throw_errno(kStep, "open_tree", path);
  mount_attr attributes = {};
  attributes.attr_set = MOUNT_ATTR_RDONLY;
  if (syscall(SYS_mount_setattr, tree.get(), "", AT_EMPTY_PATH, &attributes, sizeof attributes) != 0) {
    throw_errno(kStep, "mount_setattr", path);
  }
  return tree;
}

/// One mount per program and process, kept for good.
int program_fd(const std::string& path) {
  static std::mutex mutex;
  static std::map<std::string, UniqueFd> opened;
  const std::lock_guard lock(mutex);
  UniqueFd& fd = opened[path];
  if (!fd) fd = open_program(path);
  return fd.get();
}

int be_born(void* argument) {
  Birth& birth = *static_cast<Birth*>(argument);
  // First out of the way of the final numbers, then down to them: a plain dup2 could overwrite one still needed.
  constexpr int kAbove = child::kMonitorFirstFd;
  const int null = fcntl(birth.null_fd, F_DUPFD_CLOEXEC, kAbove);
  const int channel = fcntl(birth.channel_fd, F_DUPFD_CLOEXEC, kAbove);
  const int program = fcntl(birth.program_fd, F_DUPFD_CLOEXEC, kAbove);
  if (null >= 0 && channel >= 0 && program >= 0 && dup2(null, 0) >= 0 && dup2(null, 1) >= 0 && dup2(null, 2) >= 0 &&
      dup2(channel, child::kMonitorChannelFd) >= 0) {
    close_range(child::kMonitorChannelFd + 1, ~0u, CLOSE_RANGE_CLOEXEC);
    syscall(SYS_execveat, program, "", birth.arguments, birth.environment, AT_EMPTY_PATH);
  }
  birth.error = errno;
  return 1;
}

class Stack {
 public:
  Stack() : memory_(mmap(nullptr, kStackSize, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0)) {
    if (memory_ == MAP_FAILED) throw_errno(kStep, "mmap");
  }
  ~Stack() { munmap(memory_, kStackSize); }
  Stack(const Stack&) = delete;
  Stack& operator=(const Stack&) = delete;
  void* top() const { return static_cast<char*>(memory_) + kStackSize; }

 private:
  void* memory_;
};

/// With all signals blocked, so that no handler of ours runs in the child while it shares our memory.
pid_t clone_with_signals_blocked(Birth& birth) {
  const Stack stack;
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_BLOCK, &all, &before);
  const pid_t pid = clone(be_born, stack.top(), CLONE_VM | CLONE_VFORK | SIGCHLD, &birth);
  const int error = errno;
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  errno = error;
  return pid;
}

std::mutex children_mutex;
std::vector<pid_t> children;

struct Waiting {
  std::string program;
  pid_t pid = 0;
  UniqueFd channel;
};

Waiting spawn(const std::string& program, MonitorProcess::Kind kind) {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) throw_errno(kStep, "socketpair");
  UniqueFd ours(ends[0]);
  const UniqueFd theirs(ends[1]);
  const UniqueFd null = open_file(kStep, "/dev/null", O_RDWR);
  char name[] = "tsrunc";
  std::string verb = kind == MonitorProcess::Kind::cloning ? "monitor" : "restore-monitor";
  std::string title(child::kMonitorTitleSize, ' ');  // room for its container's id, which comes with the plan
  title.replace(0, strlen("waiting"), "waiting");
  char* arguments[] = {name, verb.data(), title.data(), nullptr};
  char* environment[] = {nullptr};
  Birth birth = {program_fd(program), arguments, environment, null.get(), theirs.get(), 0};
  const pid_t pid = clone_with_signals_blocked(birth);
  if (pid < 0) throw_errno(kStep, "clone");
  if (birth.error != 0) {
    waitpid(pid, nullptr, 0);
    throw_errno(birth.error, kStep, "execveat", program);
  }
  return {program, pid, std::move(ours)};
}

std::mutex spare_mutex;
Waiting spare;

/// The spare one, if it is of `program` and has not been killed; an empty one otherwise.
Waiting take_spare(const std::string& program) {
  Waiting taken;
  {
    const std::lock_guard lock(spare_mutex);
    if (spare.program != program) return {};
    taken = std::exchange(spare, {});
  }
  pollfd end = {taken.channel.get(), POLLIN, 0};
  if (::poll(&end, 1, 0) <= 0) return taken;  // a signal to this thread says nothing of the monitor
  waitpid(taken.pid, nullptr, 0);
  return {};
}

}  // namespace

void keep_spare_monitor(const std::string& program) {
  {
    const std::lock_guard lock(spare_mutex);
    if (spare.pid != 0) return;
  }
  Waiting made = spawn(program, MonitorProcess::Kind::cloning);
  {
    const std::lock_guard lock(spare_mutex);
    if (spare.pid == 0) std::swap(spare, made);
  }
  if (made.pid == 0) return;
  made.channel.reset();  // somebody was quicker: without its channel this one goes
  waitpid(made.pid, nullptr, 0);
}

MonitorProcess::MonitorProcess(const std::string& program, Kind kind) {
  Waiting monitor = kind == Kind::cloning ? take_spare(program) : Waiting();
  if (monitor.pid == 0) monitor = spawn(program, kind);
  pid_ = monitor.pid;
  channel_ = std::move(monitor.channel);
}

MonitorProcess::~MonitorProcess() {
  if (pid_ == 0) return;
  const int saved = errno;
  channel_.reset();
  // A monitor without a plan sees the end of its channel; one whose stage failed has ended already.
  waitpid(pid_, nullptr, 0);
  errno = saved;
}

void MonitorProcess::send_plan(int plan, int exit_write, int exit_read, int directory, const NamedFds& named) {
  std::vector<int> fds = {channel_.get(), plan, exit_write, exit_read, directory};
  static_assert(child::kMonitorPeerFd == 4 && child::kMonitorPlanFd == 5 && child::kMonitorFirstFd == 9);
  for (const UniqueFd& fd : named.all()) fds.push_back(fd.get());
  if (fds.size() > child::kMaxMonitorFds) throw_errno(E2BIG, kStep, "sendmsg");
  char byte = 'p';
  iovec data = {&byte, 1};
  alignas(cmsghdr) char control[CMSG_SPACE(child::kMaxMonitorFds * sizeof(int))] = {};
  msghdr message = {};
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = CMSG_SPACE(fds.size() * sizeof(int));
  cmsghdr* header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(fds.size() * sizeof(int));
  memcpy(CMSG_DATA(header), fds.data(), fds.size() * sizeof(int));
  if (sendmsg(channel_.get(), &message, MSG_NOSIGNAL) != 1) throw_errno(kStep, "sendmsg");
}

UniqueFd MonitorProcess::release() {
  const std::lock_guard lock(children_mutex);
  children.push_back(std::exchange(pid_, 0));
  return std::move(channel_);
}

void reap_children() noexcept {
  const std::lock_guard lock(children_mutex);
  const auto is_gone = [](pid_t pid) {
    const pid_t result = waitpid(pid, nullptr, WNOHANG);
    return result == pid || (result < 0 && errno == ECHILD);
  };
  children.erase(std::remove_if(children.begin(), children.end(), is_gone), children.end());
}

}  // namespace tsc
