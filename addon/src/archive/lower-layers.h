// LowerLayers: the directories of the layers below one, looked at for owner and mode of what a layer implies.
#pragma once

#include <sys/stat.h>

#include <string>
#include <vector>

#include "linux/unique-fd.h"

namespace tsc {

/// openat2(RESOLVE_IN_ROOT): links are followed as after a chroot to `root`. -1 with errno set on failure.
int open_in_root(int root, const std::string& name, int flags);

class LowerLayers {
 public:
  /// `paths`: the nearest first.
  explicit LowerLayers(const std::vector<std::string>& paths);

  /// Facts of the directory `name` in the nearest layer that has one.
  bool find_directory(const std::string& name, struct stat& facts) const;

 private:
  std::vector<UniqueFd> layers_;
};

}  // namespace tsc
