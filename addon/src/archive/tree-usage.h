// How much disk a tree takes, as du(1) adds it up.
#pragma once

#include <cstdint>
#include <string>

namespace tsc {

struct TreeUsage {
  std::uint64_t bytes = 0;   // allocated: st_blocks * 512
  std::uint64_t inodes = 0;  // a file with several links counts once
};

/// Stays on the file system of `path`; what vanishes meanwhile is left out.
TreeUsage measure_tree(const std::string& path);

}  // namespace tsc
