// Compiled seccomp profiles by their text: in this process, and in a directory for the next one. create asks for one;
// exec loads the one of its container.
#pragma once

#include <memory>
#include <string>

#include "linux/seccomp.h"

namespace tsc {

/// `profile` is the text of linux.seccomp. `directory` is private to root (0700) and made when missing; `link` becomes
/// a further name of the program's file there, which costs no copy and outlives a cache that is emptied.
std::shared_ptr<const SeccompProgram> cached_seccomp(const std::string& profile, const std::string& directory,
                                                     const std::string& link);

/// What such a link names. False (and errno) when there is none.
bool load_seccomp(const std::string& link, SeccompProgram& program);

}  // namespace tsc
