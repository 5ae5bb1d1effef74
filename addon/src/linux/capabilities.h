// Capability names and masks. capabilities(7)
#pragma once

#include <cstdint>
#include <string_view>

namespace tsc {

/// "CAP_NET_ADMIN" -> 12; -1 for an unknown name.
int capability_number(std::string_view name) noexcept;
std::string_view capability_name(int number) noexcept;
inline constexpr int kCapabilityCount = 41;

/// What this process could pass on at all: its own bounding set.
std::uint64_t bounding_capabilities() noexcept;
bool has_capability(int number) noexcept;

}  // namespace tsc
