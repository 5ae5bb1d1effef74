// Makes a filter short: where the verdict on a system call does not hang on its arguments, ranges of numbers decide.
//
// libseccomp gives every system call a comparison of its own, for each architecture: 1340 instructions for Docker's
// profile, which the kernel checks and translates for each process that loads them. Most neighbours share a verdict.
#pragma once

#include <cstdint>
#include <vector>

namespace tsc {

/// Programs are struct sock_filter each. `whole` says what is meant. `rest` decides alike where arguments matter, and on
/// architectures that are not in `architectures` (AUDIT_ARCH_*); elsewhere it may do as it likes. Returns a program that
/// decides as `whole` does, or `whole` itself where the two do not fit together or no shorter one comes out.
std::vector<std::uint64_t> fold_seccomp(const std::vector<std::uint64_t>& whole, const std::vector<std::uint64_t>& rest,
                                        const std::vector<std::uint32_t>& architectures);

}  // namespace tsc
