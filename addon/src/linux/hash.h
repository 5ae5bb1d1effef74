// fnv1a: a short name for a long text, the same in every build. Not against somebody who looks for two texts of one name.
#pragma once

#include <cstdint>
#include <string_view>

namespace tsc {

/// 64 bits. http://www.isthe.com/chongo/tech/comp/fnv
inline std::uint64_t fnv1a(std::string_view text) {
  std::uint64_t hash = 0xcbf29ce484222325u;
  for (const char letter : text) hash = (hash ^ static_cast<unsigned char>(letter)) * 0x100000001b3u;
  return hash;
}

}  // namespace tsc
