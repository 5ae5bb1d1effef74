// Limits as properties of a systemd unit, so that systemd neither shows nor (on a reload) writes other ones than we do.
// Used by systemd-scope.cc. systemd.resource-control(5), org.freedesktop.systemd1(5)
#pragma once

#include <map>
#include <string>
#include <vector>

#include "linux/dbus-message.h"
#include "oci/config.h"

namespace tsc {

/// `version` is that of the cgroups. Device rules become properties on v1 alone: there systemd would open the group for
/// all devices, on v2 our own program stays attached.
std::vector<DbusProperty> resource_properties(const oci::Resources& resources, int version);

/// Annotations org.systemd.property.NAME with a value in GVariant's text form. Only properties that bound the scope
/// itself are taken; any other is an error, since it could run programs or change the host (CVE-2024-3154).
std::vector<DbusProperty> annotation_properties(const std::map<std::string, std::string>& annotations);

/// "1,3-4" as systemd's AllowedCPUs has it: a bit each, the lowest byte first.
std::vector<std::uint8_t> cpu_bits(const std::string& list);

}  // namespace tsc
