// Seccomp profiles: from the specification's JSON to a BPF program. seccomp-cache.h keeps what comes out of it.
// runtime-spec config-linux.md, "Seccomp"
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace tsc {

struct SeccompProgram {
  std::vector<std::uint64_t> instructions;  // struct sock_filter each
  std::uint32_t flags = 0;                  // SECCOMP_FILTER_FLAG_*
  /// With SCMP_ACT_NOTIFY only: the socket of the agent that is given the notification fd, and its metadata.
  std::string listener_path;
  std::string listener_metadata;

  bool has_listener() const { return !listener_path.empty(); }
};

/// `profile` is the text of linux.seccomp. It takes libseccomp milliseconds for Docker's default profile.
SeccompProgram compile_seccomp(const std::string& profile);

}  // namespace tsc
