// checkpoint and restore of a container by criu, with runc's options. criu does the work; what it cannot know is told
// here: which mounts come from outside, where the cgroups are, whose stdio it was.
#pragma once

#include <functional>
#include <string>

#include "linux/unique-fd.h"
#include "runtime/runtime.h"

namespace tsc {

struct CriuOptions {
  std::string program = "criu";
  std::string image_path;  // absolute
  std::string work_path;   // absolute; "" is image_path
  std::string cgroups_mode;  // soft, full, strict, ignore; "" is soft
  std::uint64_t empty_namespaces = 0;  // CLONE_NEW*
  bool tcp_established = false;
  bool tcp_skip_in_flight = false;
  bool link_remap = false;
  bool ext_unix_sk = false;
  bool shell_job = false;
  bool file_locks = false;
  bool lazy_pages = false;
  bool auto_dedup = false;
};

/// By its name in the options; criu can leave only the network's empty. Throws for others.
void leave_namespace_empty(CriuOptions& options, const std::string& name);

struct CheckpointOptions : CriuOptions {
  std::string parent_path;  // relative to image_path
  std::string page_server;  // ADDRESS:PORT
  int status_fd = -1;
  bool leave_running = false;
  bool pre_dump = false;
  bool keeps_container = false;  // ended, it is still there to be deleted: its monitor tells of the end
};

struct RestoreOptions : CriuOptions {
  std::string lsm_profile;
  std::string lsm_mount_context;
  /// Takes the master end of the container's terminal, if it has one.
  std::function<void(UniqueFd)> on_terminal;
  pid_t monitor_pid = 0;  // recorded as the process's monitor; 0: none (the tsrunc command)
};

/// Writes the images. Without leave_running and pre_dump the container has ended then, and is deleted unless it is kept.
Warnings checkpoint_container(const RuntimeConfig& config, const std::string& id, const CheckpointOptions& options);

/// Makes the container of request.bundle from images; gives the pid of its init, a child of the caller, which must have
/// one thread: its mount namespace changes for a while. Standard input, output and error become the container's where
/// those of the images were pipes. Nothing is left of a restore that fails.
pid_t restore_container(const RuntimeConfig& config, const CreateRequest& request, const RestoreOptions& options,
                        Warnings& warnings);

}  // namespace tsc
