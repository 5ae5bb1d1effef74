// execve(2) from a process that Node runs in: signals are put back to what a program may expect.
#pragma once

#include <string>
#include <vector>

namespace tsc {

/// Replaces this process; returns only by throwing. The environment is kept.
[[noreturn]] void execute(const std::string& path, const std::vector<std::string>& arguments);

}  // namespace tsc
