// resizePty, closeStdin, adopt and exits: dealings with a process's monitor, found again through the state root.
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>

#include "child/plan.h"
#include "linux/error.h"
#include "linux/monitor-process.h"
#include "linux/pidfd.h"
#include "runtime/state-store.h"

namespace tsc {
namespace {

UniqueFd open_monitor(const ProcessRecord& process) {
  UniqueFd monitor = open_recorded_process(process.monitor_pid, process.monitor_start_time);
  if (!monitor) throw RuntimeError("", "find monitor", "", ESRCH, "", "the process has ended", Reason::wrong_state);
  return monitor;
}

std::int64_t realtime_ns() {
  timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  return static_cast<std::int64_t>(now.tv_sec) * 1000000000 + now.tv_nsec;
}

/// The monitor was killed. What is left of its child: running (poll it), a zombie of ours (reap it), or nothing.
ExitOutcome recover_exit(const StateStore& store, const std::string& id, const std::string& exec_id) {
  const ProcessRecord process = store.load_process(id, exec_id);
  ExitRecord record = {id, exec_id, process.pid, 137, realtime_ns(), true};
  char state = 0;
  const bool exists = process.pid > 0 && process_start_time(process.pid, &state) == process.start_time;
  int status;
  if (exists && waitpid(process.pid, &status, WNOHANG) == process.pid) {
    record.exit_status = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
  } else if (exists && state != 'Z' && state != 'X') {
    ExitOutcome outcome;
    outcome.process_pidfd = open_recorded_process(process.pid, process.start_time);
    if (outcome.process_pidfd) return outcome;
  } else if (exists) {
    // A zombie that is not (yet) ours: the monitor's own end is still under way.
    const timespec pause = {0, 1000000};
    nanosleep(&pause, nullptr);
    if (waitpid(process.pid, &status, WNOHANG) == process.pid) {
      record.exit_status = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
    }
  }
  store.save_lost_exit(record);
  return {record, UniqueFd()};
}

/// How long adopt waits for a restore that is under way; whoever wants it then asks again.
constexpr int kRestoreTimeoutMs = 5000;
constexpr int kRestorePollMs = 20;

/// The record, with its process. A restore has its monitor recorded before: the monitor's end without a process is that
/// of a restore that was broken off, of which nothing may stay.
ProcessRecord settled_process(const RuntimeConfig& config, const StateStore& store, const std::string& id,
                              const std::string& exec_id) {
  for (int waited_ms = 0;; waited_ms += kRestorePollMs) {
    // First the monitor, then the record: the other way round a restore that ends in between would seem broken off.
    const ProcessRecord known = store.load_process(id, exec_id);
    if (known.pid != 0 || known.monitor_pid == 0) return known;
    const UniqueFd monitor = open_recorded_process(known.monitor_pid, known.monitor_start_time);
    if (monitor && waited_ms < kRestoreTimeoutMs) {
      wait_for_end(monitor.get(), kRestorePollMs);
      continue;
    }
    const ProcessRecord process = store.load_process(id, exec_id);
    if (process.pid != 0) return process;
    if (monitor) throw_errno(EBUSY, "adopt", "poll", "restore");
    delete_container(config, id, true);
    throw RuntimeError("", "adopt", "", 0, "", "its restore was broken off", Reason::not_found);
  }
}

AdoptedProcess adopt_process(const RuntimeConfig& config, const StateStore& store, const std::string& id,
                             const std::string& exec_id) {
  const ProcessRecord process = settled_process(config, store, id, exec_id);
  AdoptedProcess adopted;
  adopted.exec_id = exec_id;
  adopted.pid = process.pid;
  adopted.monitor_pid = process.monitor_pid;
  adopted.io = process.io;
  const UniqueFd monitor = open_recorded_process(process.monitor_pid, process.monitor_start_time);
  // First its pipe, then the record: the other way round an exit in between would be missed.
  if (monitor) adopted.exit_fd = take_fd(monitor.get(), child::kMonitorExitReadFd);
  ExitRecord record;
  if (store.load_exit(id, exec_id, record)) {
    adopted.exit = record;
    adopted.exit_fd.reset();
    return adopted;
  }
  if (adopted.exit_fd) return adopted;
  ExitOutcome outcome = recover_exit(store, id, exec_id);
  adopted.exit = outcome.record;
  adopted.exit_fd = std::move(outcome.process_pidfd);
  return adopted;
}

}  // namespace

void resize_pty(const RuntimeConfig& config, const std::string& id, const std::string& exec_id, int columns, int rows) {
  try {
    const UniqueFd monitor = open_monitor(StateStore(config.root).load_process(id, exec_id));
    const UniqueFd pty = take_fd(monitor.get(), child::kMonitorPtyFd);
    if (!pty)
      throw RuntimeError("", "resize", "pidfd_getfd", errno, "", "the process has no terminal", Reason::wrong_state);
    winsize size = {static_cast<unsigned short>(rows), static_cast<unsigned short>(columns), 0, 0};
    if (ioctl(pty.get(), TIOCSWINSZ, &size) != 0) throw_errno("resize", "ioctl", "TIOCSWINSZ");
  } catch (const RuntimeError& error) {
    throw error.within("resize terminal of container " + id);
  }
}

void close_stdin(const RuntimeConfig& config, const std::string& id, const std::string& exec_id) {
  try {
    const UniqueFd monitor = open_monitor(StateStore(config.root).load_process(id, exec_id));
    if (!signal_process(monitor.get(), SIGUSR1)) throw_errno("close stdin", "pidfd_send_signal");
  } catch (const RuntimeError& error) {
    throw error.within("close stdin of container " + id);
  }
}

ExitOutcome collect_exit(const RuntimeConfig& config, const std::string& id, const std::string& exec_id) {
  try {
    const StateStore store(config.root);
    reap_children();
    ExitRecord record;
    if (store.load_exit(id, exec_id, record)) return {record, UniqueFd()};
    return recover_exit(store, id, exec_id);
  } catch (const RuntimeError& error) {
    throw error.within("exit of container " + id);
  }
}

std::vector<AdoptedProcess> adopt_container(const RuntimeConfig& config, const std::string& id) {
  try {
    const StateStore store(config.root);
    std::vector<AdoptedProcess> adopted;
    adopted.push_back(adopt_process(config, store, id, ""));
    for (const std::string& exec_id : store.list_execs(id)) adopted.push_back(adopt_process(config, store, id, exec_id));
    return adopted;
  } catch (const RuntimeError& error) {
    throw error.within("adopt container " + id);
  }
}

void become_subreaper() { prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); }

}  // namespace tsc
