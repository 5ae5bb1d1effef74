// The systemd cgroup driver: a container is a transient scope in a slice. Used by cgroup.cc's verbs and by create.
#pragma once

#include <sys/types.h>

#include <map>
#include <string>

#include "linux/cgroup.h"

namespace tsc {

struct ScopeRequest {
  std::string cgroups_path;  // slice:prefix:name, "" means system.slice:tsrunc:<id>
  std::string id;
  bool is_rootless = false;  // the rules of devices are left out
  pid_t holder = 0;  // a process that keeps the scope alive until init is in it
  const std::map<std::string, std::string>& annotations;
};

/// Starts the scope and writes the limits. `location` is filled in as things come to be, so that the caller can undo
/// them when it throws (the holder has to go first: systemd would wait for it). A quota that systemd rounds is changed
/// in `resources`, so that both say the same.
void start_scope(const ScopeRequest& request, oci::Resources& resources, CgroupLocation& location, Warnings& warnings);

/// Tells systemd of changed limits; the caller writes the files.
void update_scope(const CgroupLocation& location, oci::Resources& resources);

/// Has systemd move a process into the unit, `group` below it ("/": the unit's own): where the kernel lets only systemd
/// do so, since the process is outside of what was delegated to its user.
void attach_to_scope(const std::string& unit, const std::string& group, pid_t pid);

/// Stops the unit and forgets its failure; it may have gone already.
void stop_scope(const std::string& unit);

}  // namespace tsc
