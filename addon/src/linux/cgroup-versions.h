// What cgroup.cc asks of each version: the same questions, two answers.
#pragma once

#include "linux/cgroup.h"

namespace tsc::cgroup_v1 {

/// The hierarchies a container with these limits needs; others cost a directory each and are left alone.
bool is_wanted(const CgroupHierarchy& hierarchy, const oci::Resources& resources);
void initialize(const CgroupHierarchy& hierarchy, const std::string& path);
void apply(const CgroupLocation& location, const oci::Resources& resources, Warnings& warnings);
void freeze(const std::string& path, bool is_frozen);
bool is_frozen(const std::string& path);
ContainerStats read_stats(const CgroupLocation& location);
ContainerDetails read_details(const CgroupLocation& location);

}  // namespace tsc::cgroup_v1

namespace tsc::cgroup_v2 {

/// Turns every controller on for the children of each directory from the mount point down to `path`'s parent.
void enable_controllers(const std::string& mount_point, const std::string& path);
void apply(const std::string& path, const oci::Resources& resources, Warnings& warnings);
void freeze(const std::string& path, bool is_frozen);
bool is_frozen(const std::string& path);
ContainerStats read_stats(const std::string& path);
ContainerDetails read_details(const std::string& path);

}  // namespace tsc::cgroup_v2
