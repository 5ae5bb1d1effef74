// The parts of create that both fronts share: everything up to the finished plan.
#pragma once

#include <optional>

#include "linux/monitor-process.h"
#include "runtime/joined-namespaces.h"
#include "runtime/named-fds.h"
#include "runtime/plan-arena.h"
#include "runtime/report.h"
#include "runtime/runtime.h"
#include "runtime/state-store.h"

namespace tsc {

/// A container on its way into being: state directory, cgroup, fifo and plan exist; undone by the destructor unless
/// keep() was called.
class Creation {
 public:
  Creation(const RuntimeConfig& config, const CreateRequest& request, PlanArena::Storage storage, StepClock& clock);
  ~Creation();
  Creation(const Creation&) = delete;
  Creation& operator=(const Creation&) = delete;

  /// Who will make the process and stay with it, for whoever finds the record meanwhile.
  void note_monitor(pid_t monitor_pid);
  /// Records the processes: from here on the container exists.
  void keep(pid_t pid, pid_t monitor_pid);

  PlanArena& arena() { return arena_; }
  NamedFds& fds() { return fds_; }
  const oci::Config& oci_config() const { return oci_config_; }
  const ContainerRecord& record() const { return record_; }
  Warnings& warnings() { return warnings_; }

 private:
  void read_config(const CreateRequest& request);
  CgroupRequest cgroup_request(const CreateRequest& request) const;
  void save_plan_of_cgroup(const CreateRequest& request);
  void make_cgroup(const RuntimeConfig& config, const CreateRequest& request);
  UniqueFd take_mount_namespace();
  void plan(const CreateRequest& request);
  void undo() noexcept;

  StateStore store_;
  PlanArena arena_;
  NamedFds fds_;
  oci::Config oci_config_;
  JoinedNamespaces joined_;
  ContainerRecord record_;
  CgroupLocation saved_cgroup_;  // as the record on disk has it
  Warnings warnings_;
  std::optional<MonitorProcess> scope_holder_;
  bool is_made_ = false;
  bool is_kept_ = false;
};

}  // namespace tsc
