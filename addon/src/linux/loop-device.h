// LoopDevice: a file as a block device, for kernels that mount images from block devices only (before Linux 6.12).
#pragma once

#include <string>

#include "linux/unique-fd.h"

namespace tsc {

/// Read-only and freed by the kernel with its last user: keep it until the mount stands.
class LoopDevice {
 public:
  explicit LoopDevice(const std::string& file);
  /// `/dev/loop7`.
  const std::string& path() const noexcept { return path_; }

 private:
  std::string path_;
  UniqueFd fd_;
};

}  // namespace tsc
