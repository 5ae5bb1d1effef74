// IdShift: owners as a container with a user namespace sees them, and as they are on disk.
#pragma once

#include <cstdint>

namespace tsc {

/// Ids 0 to count-1 inside are first to first+count-1 outside; count 0: the same on both sides.
struct IdShift {
  std::uint32_t first = 0;
  std::uint32_t count = 0;

  /// Outside to inside; what has no name inside stays.
  std::uint32_t inward(std::uint32_t id) const { return id >= first && id - first < count ? id - first : id; }
  std::uint32_t outward(std::uint32_t id) const { return id < count ? first + id : id; }
};

}  // namespace tsc
