// The device rules of a cgroup v2 group: a BPF program of type CGROUP_DEVICE attached to its directory.
#pragma once

#include <string>
#include <vector>

#include "oci/config.h"

namespace tsc {

/// Attaches a filter for `rules` (the last that matches wins, as on v1) and takes older filters away.
void attach_device_filter(const std::string& cgroup_path, const std::vector<oci::DeviceRule>& rules);

}  // namespace tsc
