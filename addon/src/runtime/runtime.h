// The OCI runtime as a library: blocking verbs over one state root, for both fronts (the Node addon, the tsrunc
// command). Safe to call from any thread: no verb changes the calling thread's namespaces, credentials, cwd or
// signal mask. Different containers may be worked on in parallel; verbs of one container are the caller's to order.
//
//   create  -> a monitor process and, as its child, the container's init, which waits at <root>/<id>/exec.fifo
//   start   -> init runs the command; throws when execve failed
//   exec    -> a further monitor and process
//   (exit)  -> the monitor reaps its child, writes the exit record and lets go of a pipe: `exit_fd` becomes readable
//              (POLLIN or POLLHUP), then collect_exit() gives the record; after that it lets go of the root filesystem
//   delete  -> that, cgroup and state directory are gone
//
// Who watches: the caller polls `exit_fd` and then calls collect_exit(). It is a pipe and not the monitor's pidfd,
// because a monitor may outlive its process: it keeps the FIFOs open until their last bytes have been read.
// Nothing else has to be polled; the verbs find all else in the state root and, through pidfd_getfd, in the monitor.
//
// Every function throws tsc::RuntimeError (linux/error.h) and nothing else, bad_alloc apart.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "linux/error.h"
#include "linux/unique-fd.h"

namespace tsc {

struct ProcessIo {
  std::string std_in;  // FIFO or file path, file:// URI, or "" for /dev/null
  std::string std_out;
  std::string std_err;
  bool terminal = false;
};

struct RootfsMount {
  std::string type;
  std::string source;
  std::vector<std::string> options;
};

struct RuntimeStep {
  std::string name;
  std::uint64_t began_ns = 0;  // CLOCK_MONOTONIC
  std::uint64_t ended_ns = 0;
};

/// What the specification lets a runtime do without, e.g. a limit that cannot be raised: for the log, not an error.
using Warnings = std::vector<std::string>;

struct RuntimeConfig {
  std::string root;    // state root, absolute
  std::string tsrunc;  // absolute path of the tsrunc executable (the monitor's program)
  std::string resctrl = "";  // where resctrl is mounted; "": as the mount table says
};

struct CreateRequest {
  std::string id;
  std::string bundle;
  ProcessIo io;
  std::vector<RootfsMount> rootfs;
  bool no_pivot_root = false;
  bool no_new_keyring = false;
  bool systemd_cgroup = false;
  bool is_rootless = false;  // a cgroup that may not be made is gone without, unless it is asked for
  std::vector<std::string> environment;  // added to that of config.json
  bool has_notify_socket = false;        // <root>/<id>/notify shows at /run/notify, NOTIFY_SOCKET names a socket there
  bool keeps_process = false;  // remembers config.json's process, as the start of what exec runs
};

struct ExecRequest {
  std::string id;
  std::string exec_id;
  std::string process;  // OCI process object, JSON
  ProcessIo io;
};

struct CreatedProcess {
  pid_t pid = 0;
  pid_t monitor_pid = 0;
  UniqueFd exit_fd;  // poll for POLLIN (or POLLHUP), then collect_exit() and close
  std::vector<RuntimeStep> steps;
  Warnings warnings;
};

struct StartedProcess {
  std::vector<RuntimeStep> steps;
};

struct ExitRecord {
  std::string id;
  std::string exec_id;  // "" for init
  pid_t pid = 0;
  int exit_status = 0;            // 0..255, 128+signal
  std::int64_t exited_at_ns = 0;  // CLOCK_REALTIME
  bool monitor_lost = false;
};

struct ExitOutcome {
  std::optional<ExitRecord> record;
  /// Without a record: the monitor was killed while its process lives on. Poll this pidfd (of the process itself)
  /// in place of exit_fd, then call collect_exit() again.
  UniqueFd process_pidfd;
};

struct AdoptedProcess {
  std::string exec_id;
  pid_t pid = 0;
  pid_t monitor_pid = 0;
  UniqueFd exit_fd;  // empty when `exit` is set
  ProcessIo io;
  std::optional<ExitRecord> exit;
};

struct ContainerState {
  std::string oci_version;
  std::string id;
  std::string status;  // creating created running paused stopped
  pid_t pid = 0;       // 0 when stopped
  std::string bundle;
  std::map<std::string, std::string> annotations;
  std::string rootfs;
  std::string created;  // RFC 3339
};

struct BlockIoEntry {
  std::string op;
  std::uint32_t major = 0;
  std::uint32_t minor = 0;
  std::uint64_t bytes = 0;
  std::uint64_t operations = 0;
};

struct ContainerStats {
  int version = 1;
  struct {
    std::uint64_t usage_ns = 0, user_ns = 0, system_ns = 0;
    std::uint64_t throttled_periods = 0, periods = 0, throttled_ns = 0;
    std::vector<std::uint64_t> per_cpu_ns;
  } cpu;
  struct {
    std::uint64_t usage_bytes = 0, max_usage_bytes = 0, limit_bytes = 0, failcnt = 0, swap_usage_bytes = 0;
    std::map<std::string, std::uint64_t> stat;
  } memory;
  struct {
    std::uint64_t current = 0, limit = 0;
  } pids;
  std::vector<BlockIoEntry> blkio;
};

struct MemoryFigures {
  std::uint64_t usage = 0, limit = 0, max_usage = 0, failcnt = 0;
};

/// What `events` tells beyond ContainerStats.
struct ContainerDetails {
  struct {
    std::vector<std::uint16_t> cpus, mems;
    std::uint64_t cpu_exclusive = 0, mem_exclusive = 0, mem_hardwall = 0, memory_migrate = 0;
    std::uint64_t memory_spread_page = 0, memory_spread_slab = 0, memory_pressure = 0, sched_load_balance = 0;
    std::int64_t sched_relax_domain_level = 0;
  } cpuset;
  std::vector<std::uint64_t> per_cpu_user_ns, per_cpu_system_ns;
  MemoryFigures swap, kernel, kernel_tcp;           // swap counts memory too, as v1 does
  std::map<std::string, MemoryFigures> huge_pages;  // by size: "2MB"
};

CreatedProcess create_container(const RuntimeConfig& config, const CreateRequest& request);
StartedProcess start_container(const RuntimeConfig& config, const std::string& id);
CreatedProcess exec_process(const RuntimeConfig& config, const ExecRequest& request);
void kill_process(const RuntimeConfig& config, const std::string& id, const std::string& exec_id, int signal, bool all);
/// The warnings are those of poststop hooks.
Warnings delete_container(const RuntimeConfig& config, const std::string& id, bool force);
void delete_exec(const RuntimeConfig& config, const std::string& id, const std::string& exec_id);
ContainerState container_state(const RuntimeConfig& config, const std::string& id);
/// Host pids of every process in the container's cgroup and below, ascending.
std::vector<pid_t> container_pids(const RuntimeConfig& config, const std::string& id);
void pause_container(const RuntimeConfig& config, const std::string& id);
void resume_container(const RuntimeConfig& config, const std::string& id);
/// Device rules in `resources_json` are left alone, as runc leaves them: the container keeps those it was made with.
Warnings update_container(const RuntimeConfig& config, const std::string& id, const std::string& resources_json);
/// New schemata for the container's resctrl group, which is made where it has none; "" is left as it is.
void update_cache_schemata(const RuntimeConfig& config, const std::string& id, const std::string& l3_cache,
                           const std::string& memory_bandwidth);
ContainerStats container_stats(const RuntimeConfig& config, const std::string& id);
ContainerDetails container_details(const RuntimeConfig& config, const std::string& id);
void resize_pty(const RuntimeConfig& config, const std::string& id, const std::string& exec_id, int columns, int rows);
void close_stdin(const RuntimeConfig& config, const std::string& id, const std::string& exec_id);
std::vector<AdoptedProcess> adopt_container(const RuntimeConfig& config, const std::string& id);

/// Call when an exit_fd (or ExitOutcome::process_pidfd) became readable. Reaps what is the caller's child.
ExitOutcome collect_exit(const RuntimeConfig& config, const std::string& id, const std::string& exec_id);

/// An eventfd that becomes readable when the kernel killed something in the container for memory (v1); on v2 an
/// inotify fd on memory.events. Empty when there is no memory controller. On POLLIN call acknowledge_oom().
UniqueFd open_oom_events(const RuntimeConfig& config, const std::string& id);
/// Drains the fd; true when it told of an OOM kill, and not of the cgroup's removal, a limit that was reached, or a kill
/// that was told before: `known_kills` begins with 0 and is the caller's to keep.
bool acknowledge_oom(const RuntimeConfig& config, const std::string& id, int fd, std::uint64_t& known_kills);

/// Once per shim process: orphaned container processes become its children (PR_SET_CHILD_SUBREAPER).
void become_subreaper();

}  // namespace tsc
