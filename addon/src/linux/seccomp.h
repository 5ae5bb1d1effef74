// Seccomp profiles: from the specification's JSON to a BPF program. libseccomp needs milliseconds for Docker's default
// profile, so programs are kept: in this process, and in a directory for the next one.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace tsc {

struct SeccompProgram {
  std::vector<std::uint64_t> instructions;  // struct sock_filter each
  std::uint32_t flags = 0;                  // SECCOMP_FILTER_FLAG_*
};

/// `profile` is the text of linux.seccomp. `cache_directory` is private to root (0700); it is made when missing.
std::shared_ptr<const SeccompProgram> compile_seccomp(const std::string& profile, const std::string& cache_directory);

}  // namespace tsc
