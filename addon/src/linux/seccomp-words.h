// The words of linux.seccomp (actions, operators, flags, architectures) as libseccomp's and the kernel's numbers.
#pragma once

#include <seccomp.h>

#include <cstdint>
#include <string>
#include <vector>

#include "oci/json-reader.h"

namespace tsc {

/// The action at `key` with the errno at `errno_key`, which is an error for an action that returns none.
std::uint32_t seccomp_action(const oci::Reader& reader, const char* key, const char* errno_key);
scmp_compare seccomp_operator(const oci::Reader& reader);
/// SECCOMP_FILTER_FLAG_*. Absent flags mean SPEC_ALLOW, as in runc: without it each filtered process pays for
/// mitigations that the kernel itself stopped asking for in 5.16.
std::uint32_t seccomp_flags(const oci::Reader& reader);
/// SCMP_ARCH_*; the native one when none is given.
std::vector<std::uint32_t> seccomp_architectures(const oci::Reader& reader);
/// The number of a system call that is newer than the libseccomp at hand, the same on every architecture but MIPS and
/// x32; -1 for one that is not known here either.
int newer_syscall_number(const std::string& name);

}  // namespace tsc
