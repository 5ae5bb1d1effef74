// One control group as a directory: making it with its parents, removing it, who is in it. Used by cgroup.cc.
#pragma once

#include <sys/types.h>

#include <functional>
#include <string>
#include <vector>

namespace tsc {

/// mkdir -p below the mount point. `visit` sees each directory once it exists, from the top. Parents that had to be
/// made are noted in `record_directory`. False when the group existed already. Throws; then nothing new is left.
bool make_cgroup_directory(const std::string& mount_point, const std::string& path, const std::string& record_directory,
                           const std::function<void(const std::string&)>& visit);

/// rmdir of a group and those below it, deepest first; one try.
bool try_remove_cgroup_directory(const std::string& path);
/// The same, waiting (bounded) for the kernel to forget ended processes. Throws when the group stays.
void remove_cgroup_directory(const std::string& path);
/// Parents that make_cgroup_directory made, as long as they are empty.
void remove_cgroup_parents(std::string path, const std::string& record_directory);

/// Processes of the group and of all below it, ascending.
std::vector<pid_t> list_cgroup_processes(const std::string& path);

void pause_ms(int milliseconds);

}  // namespace tsc
