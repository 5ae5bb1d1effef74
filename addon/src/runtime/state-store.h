// The state root: what is known of a container between two calls, in files that any process of root's may read.
//
//   <root>/<id>/state.json          the record below; written whole, by rename
//   <root>/<id>/exec.fifo           present from create until start claims it
//   <root>/<id>/seccomp             the compiled filter, for exec
//   <root>/<id>/exit                exit record of init (child/protocol.h, ExitFile), written by its monitor
//   <root>/<id>/notify/             bound into the container: the socket through which it speaks to NOTIFY_SOCKET
//   <root>/<id>/exec/<execId>/      state.json and exit of an exec process
//   <root>/.seccomp/ .cgroups/      compiled filters by content; notes of cgroup parents that we made
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "linux/cgroup.h"
#include "linux/resctrl.h"
#include "oci/config.h"
#include "runtime/runtime.h"

namespace tsc {

struct ProcessRecord {
  pid_t pid = 0;  // 0: not made yet
  std::uint64_t start_time = 0;
  pid_t monitor_pid = 0;  // 0: none (the tsrunc command)
  std::uint64_t monitor_start_time = 0;
  ProcessIo io;
};

/// What every process of the container has, init and exec alike.
struct ContainerTraits {
  std::optional<std::uint32_t> personality;
  std::optional<oci::MemoryPolicy> memory_policy;
  std::vector<oci::Rlimit> rlimits;  // of a process that names none itself, as with runc
};

struct ContainerRecord {
  std::string oci_version;
  std::string id;
  std::string bundle;
  std::string rootfs;
  std::string created;
  std::map<std::string, std::string> annotations;
  ProcessRecord process;
  CgroupLocation cgroup;
  ResctrlGroup resctrl;
  std::uint64_t namespaces = 0;  // CLONE_NEW* in which the container differs from the host: exec joins these
  bool has_detached_root = false;  // its mount namespace is not its own and does not show its root: exec takes it from init
  std::vector<oci::IdMapping> uid_mappings;
  bool no_new_keyring = false;
  ContainerTraits traits;
  std::string hooks;           // of config.json, for poststart and poststop; "" when it has neither
  std::string process_config;  // process of config.json, for exec on the command line; "" under a shim
};

class StateStore {
 public:
  explicit StateStore(std::string root) : root_(std::move(root)) {}

  const std::string& root() const { return root_; }
  std::string directory(const std::string& id) const { return root_ + "/" + id; }
  std::string exec_directory(const std::string& id, const std::string& exec_id) const {
    return directory(id) + "/exec/" + exec_id;
  }
  /// The process's own directory; exec_id "" is init.
  std::string process_directory(const std::string& id, const std::string& exec_id) const {
    return exec_id.empty() ? directory(id) : exec_directory(id, exec_id);
  }
  /// Only when create was called with a NOTIFY_SOCKET.
  std::string notify_directory(const std::string& id) const { return directory(id) + "/notify"; }
  std::string seccomp_cache() const { return root_ + "/.seccomp"; }
  /// The program of the container's filter (linux/seccomp-cache.h); absent without one.
  std::string seccomp_link(const std::string& id) const { return directory(id) + "/seccomp"; }
  std::string cgroup_notes() const { return root_ + "/.cgroups"; }

  /// Makes <root>/<id>; throws already_exists.
  void make(const std::string& id) const;
  void make_exec(const std::string& id, const std::string& exec_id) const;
  void remove(const std::string& id) const;
  /// What a creation has left that was killed before its record was there; no error when there is none, or more than that.
  void remove_unborn(const std::string& id) const;
  void remove_exec(const std::string& id, const std::string& exec_id) const;

  void save(const ContainerRecord& record) const;
  ContainerRecord load(const std::string& id) const;  // throws not_found
  void save_exec(const std::string& id, const std::string& exec_id, const ProcessRecord& record) const;
  ProcessRecord load_process(const std::string& id, const std::string& exec_id) const;  // throws not_found

  /// False while the process has not ended (or its monitor was lost).
  bool load_exit(const std::string& id, const std::string& exec_id, ExitRecord& record) const;
  /// Waits until the monitor has let go of the root filesystem, which it does soon after the exit; throws ETIMEDOUT.
  void wait_for_root(const std::string& id) const;
  void save_lost_exit(const ExitRecord& record) const;

  std::vector<std::string> list() const;
  std::vector<std::string> list_execs(const std::string& id) const;

 private:
  std::string record_path(const std::string& id) const { return directory(id) + "/state.json"; }

  std::string root_;
};

/// [A-Za-z0-9_.+-]{1,1024}, not "." or ".."; throws invalid_argument.
void check_id(const std::string& id);

}  // namespace tsc
