// A monitored restore: see the header.
#include "runtime/monitored-restore.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <string>
#include <vector>

#include "child/monitor.h"
#include "child/plan.h"
#include "linux/error.h"
#include "linux/file.h"
#include "linux/monitor-process.h"
#include "linux/stdio-stream.h"
#include "runtime/report.h"
#include "runtime/restore-message.h"
#include "runtime/state-store.h"

namespace tsc {
namespace {

constexpr const char* kStep = "restore under a monitor";
/// An outcome is a few lines of criu's log at most; a longer one is cut by its sender.
constexpr size_t kMaxOutcome = 64 * 1024;

/// What a monitor that was killed has not undone; never what another one has under that id.
void remove_remains(const RuntimeConfig& config, const std::string& id, pid_t monitor_pid) {
  try {
    if (StateStore(config.root).load_process(id, "").monitor_pid != monitor_pid) return;
  } catch (const RuntimeError&) {
    return;  // it had not come that far
  }
  delete_container(config, id, true);
}

UniqueFd write_order(const std::string& text) {
  UniqueFd fd(memfd_create("restore", MFD_CLOEXEC));
  if (!fd) throw_errno(kStep, "memfd_create");
  if (write(fd.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size())) throw_errno(kStep, "write");
  return fd;
}

std::string read_order() {
  struct stat found;
  if (fstat(child::kMonitorPlanFd, &found) != 0) throw_errno(kStep, "fstat");
  std::string text(static_cast<size_t>(found.st_size), '\0');
  if (pread(child::kMonitorPlanFd, text.data(), text.size(), 0) != found.st_size) throw_errno(kStep, "pread");
  return text;
}

std::string receive_outcome(int channel) {
  std::vector<char> buffer(kMaxOutcome);
  ssize_t count;
  do count = recv(channel, buffer.data(), buffer.size(), 0);
  while (count < 0 && errno == EINTR);
  if (count < 0) throw_errno(kStep, "recv");
  if (count == 0) throw RuntimeError("", kStep, "recv", EPIPE, "", "the monitor has ended");
  return {buffer.data(), static_cast<size_t>(count)};
}

/// The monitor holds a copy of the peer's end: nobody who listens any more is no failure.
void tell(const std::string& outcome) {
  const size_t size = outcome.size() < kMaxOutcome ? outcome.size() : kMaxOutcome;
  if (send(child::kMonitorChannelFd, outcome.data(), size, MSG_NOSIGNAL) < 0) return;
}

std::array<StdioStream, 3> open_streams(const ProcessIo& io) {
  std::array<StdioStream, 3> streams;
  streams[0] = open_stdio_stream(io.std_in, true);
  streams[1] = open_stdio_stream(io.std_out, false);
  if (!io.terminal) streams[2] = open_stdio_stream(io.std_err, false);
  return streams;
}

/// What criu is to give the restored processes; it stays ours only until then.
void put_stdio(const std::array<StdioStream, 3>& streams, bool is_terminal) {
  if (is_terminal) return;
  for (int fd = 0; fd < 3; ++fd) {
    if (dup2(streams[static_cast<size_t>(fd)].child.get(), fd) < 0) throw_errno(kStep, "dup2");
  }
}

void take_stdio_back() {
  const UniqueFd null = open_file(kStep, "/dev/null", O_RDWR);
  for (int fd = 0; fd < 3; ++fd) dup2(null.get(), fd);
}

/// Where the exit record goes, at the number that a monitor has it.
void hold_directory(const std::string& path) {
  const UniqueFd directory = open_file(kStep, path, O_RDONLY | O_DIRECTORY);
  if (dup3(directory.get(), child::kMonitorDirectoryFd, O_CLOEXEC) < 0) throw_errno(kStep, "dup3", path);
}

child::Attended restore(const RestoreOrder& order, std::array<StdioStream, 3>& streams) {
  child::Attended attended = {0, child::open_monitor_signals(), -1, {-1, -1, -1}, {-1, -1}};
  if (attended.signal_fd < 0) throw_errno(kStep, "signalfd");
  RestoreOptions options;
  static_cast<CriuOptions&>(options) = order.criu;
  options.monitor_pid = getpid();
  const bool is_terminal = order.request.io.terminal;
  options.on_terminal = [&](UniqueFd pty) {
    if (!is_terminal) throw_invalid("restore", "the images have a terminal, the request's stdio has none");
    attended.pty_fd = pty.release();
  };
  streams = open_streams(order.request.io);
  put_stdio(streams, is_terminal);
  RestoreOutcome outcome;
  outcome.pid = restore_container(order.config, order.request, options, outcome.warnings);
  take_stdio_back();
  hold_directory(StateStore(order.config.root).directory(order.request.id));
  attended.pid = outcome.pid;
  for (size_t fd = 0; fd < streams.size(); ++fd) attended.stdio_keep[fd] = streams[fd].keep.release();
  for (size_t fd = 0; fd < 2 && is_terminal; ++fd) attended.stdio_child[fd] = streams[fd].child.release();
  for (StdioStream& stream : streams) stream.child.reset();
  tell(encode_outcome(outcome));
  return attended;
}

}  // namespace

CreatedProcess restore_under_monitor(const RuntimeConfig& config, const CreateRequest& request,
                                     const CriuOptions& options) {
  try {
    CreatedProcess restored;
    StepClock clock(restored.steps);
    check_id(request.id);
    clock.begin("spawn monitor");
    reap_children();
    const char* path = getenv("PATH");
    const UniqueFd order = write_order(encode_order({config, request, options, path == nullptr ? "" : path}));
    make_directories(kStep, config.root, 0700);
    const UniqueFd directory = open_file(kStep, config.root, O_RDONLY | O_DIRECTORY);
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) throw_errno(kStep, "pipe2");
    UniqueFd exit_read(ends[0]), exit_write(ends[1]);
    MonitorProcess monitor(config.tsrunc, MonitorProcess::Kind::restoring);
    monitor.send_plan(order.get(), exit_write.get(), exit_read.get(), directory.get(), NamedFds(true));
    exit_write.reset();
    clock.begin("restore");
    RestoreOutcome outcome;
    try {
      outcome = decode_outcome(receive_outcome(monitor.channel()));
    } catch (const RuntimeError& error) {
      if (error.error == EPIPE) remove_remains(config, request.id, monitor.pid());
      throw;
    }
    clock.end();
    restored.pid = outcome.pid;
    restored.warnings = std::move(outcome.warnings);
    restored.monitor_pid = monitor.pid();
    restored.exit_fd = std::move(exit_read);
    monitor.release();
    return restored;
  } catch (const RuntimeError& error) {
    throw error.operation.empty() ? error.within("restore container " + request.id) : error;
  }
}

int run_restore_monitor(char* title) {
  setsid();
  if (!child::receive_monitor_fds()) return 0;
  RestoreOrder order;
  child::Attended attended;
  try {
    std::array<StdioStream, 3> streams;
    order = decode_order(read_order());
    order.config.tsrunc = kOwnProgram;
    if (!order.path.empty()) setenv("PATH", order.path.c_str(), 1);
    attended = restore(order, streams);
    close(child::kMonitorPlanFd);
  } catch (const RuntimeError& error) {
    tell(encode_failure(error));
    return 1;
  }
  return child::attend(attended, title, order.request.id.c_str());
}

}  // namespace tsc
