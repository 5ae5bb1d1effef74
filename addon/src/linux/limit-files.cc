// Limits that bound one another: see the header.
#include "linux/limit-files.h"

#include <fcntl.h>

#include <algorithm>
#include <cmath>

#include "linux/error.h"
#include "linux/file.h"

namespace tsc {
namespace {

constexpr const char* kStep = "set limits";

[[noreturn]] void refuse(int error, const LimitFile& file) {
  std::string detail = "writing " + file.value;
  std::string present;
  if (error == EBUSY &&
      try_read_file(file.path.substr(0, file.path.find_last_of('/')) + "/memory.usage_in_bytes", present)) {
    present.resize(present.find_last_not_of('\n') + 1);
    detail = "unable to set memory limit to " + file.value + " (current usage: " + present + ")";
  }
  throw RuntimeError("", kStep, "write", error, file.path, detail);
}

}  // namespace

void write_limit(const std::string& path, const std::string& value) {
  if (!try_write_file(path, value)) refuse(errno, {path, value});
}

void write_limits(std::vector<LimitFile> files) {
  while (!files.empty()) {
    std::vector<LimitFile> refused;
    for (LimitFile& file : files) {
      if (try_write_file(file.path, file.value)) continue;
      if (errno != EINVAL) refuse(errno, file);
      refused.push_back(std::move(file));
    }
    if (refused.size() == files.size()) refuse(EINVAL, refused.front());
    files = std::move(refused);
  }
}

std::string rdma_text(const std::string& device, const oci::RdmaLimit& limit) {
  std::string text = device;
  if (limit.hca_handles) text += " hca_handle=" + std::to_string(*limit.hca_handles);
  if (limit.hca_objects) text += " hca_object=" + std::to_string(*limit.hca_objects);
  return text;
}

/// The curve through both ends and both defaults that runc and crun have used since 2025. (The straight line before it
/// gave a container with the default shares a weight of 39.)
std::uint64_t cpu_weight_from_shares(std::uint64_t shares) {
  if (shares <= 2) return 1;
  if (shares >= 262144) return 10000;
  const double log = std::log2(static_cast<double>(shares));
  return static_cast<std::uint64_t>(std::ceil(std::pow(10, (log * log + 125 * log) / 612.0 - 7.0 / 34.0)));
}

std::uint64_t io_weight_from_block_weight(std::uint16_t weight) {
  return 1 + (std::max<std::uint64_t>(weight, 10) - 10) * 9999 / 990;
}

void throw_unsupported_limit(const std::string& field, const std::string& why) {
  throw RuntimeError("", kStep, "", 0, "", "linux.resources." + field + ": " + why, Reason::invalid_argument);
}

}  // namespace tsc
