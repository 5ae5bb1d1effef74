// What a network device of this network namespace takes along into a container: asked for when the container is planned.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace tsc {

struct NetDeviceFacts {
  std::uint32_t index = 0;
  bool is_up = false;
  /// Its permanent addresses of global scope, each as an RTM_NEWADDR message that adds it again. rtnetlink(7)
  std::vector<std::string> addresses;
};

/// Throws when there is no device of that name.
NetDeviceFacts find_net_device(const std::string& name);

}  // namespace tsc
