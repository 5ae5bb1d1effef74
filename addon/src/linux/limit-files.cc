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

/// Why a file of v2 is not there: which controllers the group has, and that this is none of them. "": another reason.
std::string missing_controller(const std::string& path) {
  const size_t slash = path.find_last_of('/');
  const std::string controller = path.substr(slash + 1, path.find('.', slash) - slash - 1);
  std::string available;
  if (!try_read_file(path.substr(0, slash) + "/cgroup.controllers", available)) return "";
  available.resize(available.find_last_not_of('\n') + 1);
  if ((" " + available + " ").find(" " + controller + " ") != std::string::npos) return "";
  return "the controller " + controller + " is not available in this cgroup, which has " +
         (available.empty() ? "none" : "only " + available);
}

[[noreturn]] void refuse(int error, const LimitFile& file) {
  std::string detail = "writing " + file.value;
  std::string present;
  if (error == EBUSY &&
      try_read_file(file.path.substr(0, file.path.find_last_of('/')) + "/memory.usage_in_bytes", present)) {
    present.resize(present.find_last_not_of('\n') + 1);
    detail = "unable to set memory limit to " + file.value + " (current usage: " + present + ")";
  }
  const std::string missing = error == ENOENT ? missing_controller(file.path) : "";
  if (missing.empty()) throw RuntimeError("", kStep, "write", error, file.path, detail);
  throw RuntimeError("", kStep, "", 0, file.path, missing)
      .advised("its parent must have it, hold no process itself and, with an ordinary user, be delegated with it: "
               "Delegate= in systemd's user@.service");
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
