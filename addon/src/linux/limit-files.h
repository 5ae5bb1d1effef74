// Limits that bound one another: written in whatever order the kernel takes them. Used by both cgroup versions.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "oci/config.h"

namespace tsc {

struct LimitFile {
  std::string path;
  std::string value;
};

/// Writes all. One that is refused as invalid beside the present value of another (a quota and its period, memory and
/// memory with swap) is tried again once that one has been written. Throws for what remains refused.
void write_limits(std::vector<LimitFile> files);

/// Writes one limit.
void write_limit(const std::string& path, const std::string& value);

/// "mlx4_0 hca_handle=2 hca_object=2000", the same on both versions.
std::string rdma_text(const std::string& device, const oci::RdmaLimit& limit);

/// cpu.shares 2, 1024, 262144 -> cpu.weight 1, 100, 10000.
std::uint64_t cpu_weight_from_shares(std::uint64_t shares);
/// blkio.weight 10..1000 -> io.weight 1..10000.
std::uint64_t io_weight_from_block_weight(std::uint16_t weight);

/// A limit that config.json may ask for and that this machine or cgroup version cannot keep. `field` is below
/// linux.resources: "network".
[[noreturn]] void throw_unsupported_limit(const std::string& field, const std::string& why);

}  // namespace tsc
