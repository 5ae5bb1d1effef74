// What stands in front of libseccomp's program: system calls newer than the library, and those newer than the profile.
#pragma once

#include <cstdint>
#include <map>
#include <utility>
#include <vector>

namespace tsc {

struct SeccompPrologue {
  /// SCMP_ARCH_* -> the highest number that the profile names there. A number above it gets ENOSYS, as in runc: the
  /// profile's authors did not know it, and the C library falls back on ENOSYS only.
  std::map<std::uint32_t, std::uint32_t> last_known;
  /// Whether that holds at all: not where the profile allows by default.
  bool refuses_unknown = false;
  /// Numbers that libseccomp has no name for, with their actions.
  std::vector<std::pair<std::uint32_t, std::uint32_t>> newer;
};

/// struct sock_filter each; to be followed by the rest of the program.
std::vector<std::uint64_t> seccomp_prologue(const SeccompPrologue& prologue);

}  // namespace tsc
