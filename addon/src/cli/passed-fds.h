// Fds that the caller passes through to the container: --preserve-fds, and the sockets of sd_listen_fds(3).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "cli/options.h"

namespace tsc::cli {

struct PassedFds {
  std::uint64_t count = 0;               // 3 and on
  std::vector<std::string> environment;  // LISTEN_*, as the container's first process is to see them
};

/// Call first of all, before this process opens anything: throws when one of the fds is not open.
/// `takes_sockets`: LISTEN_FDS counts, if it is meant for this process.
PassedFds find_passed_fds(const Options& options, bool takes_sockets);

}  // namespace tsc::cli
