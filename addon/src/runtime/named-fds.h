// NamedFds: the fds a plan refers to by number. A monitor is born with them at consecutive numbers; in the tsrunc
// command, which is its own stage, they keep the numbers they have.
#pragma once

#include <vector>

#include "child/plan.h"
#include "linux/unique-fd.h"

namespace tsc {

class NamedFds {
 public:
  explicit NamedFds(bool is_for_monitor) : is_for_monitor_(is_for_monitor) {}

  /// Gives the number to write into the plan.
  int add(UniqueFd fd) {
    fds_.push_back(std::move(fd));
    return is_for_monitor_ ? child::kMonitorFirstFd + static_cast<int>(fds_.size()) - 1 : fds_.back().get();
  }
  const std::vector<UniqueFd>& all() const { return fds_; }

 private:
  bool is_for_monitor_;
  std::vector<UniqueFd> fds_;
};

}  // namespace tsc
