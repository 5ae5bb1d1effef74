// Sha256: a digest fed in pieces, told as `sha256:<hex>`. The blob readers and writers of archive/ feed it.
#pragma once

#include <nettle/sha2.h>

#include <cstddef>
#include <string>

namespace tsc {

class Sha256 {
 public:
  Sha256() noexcept { sha256_init(&state_); }
  void update(const void* data, std::size_t length) noexcept {
    sha256_update(&state_, length, static_cast<const uint8_t*>(data));
  }
  /// "sha256:" and 64 hexadecimal digits. Ends the stream: the state begins anew.
  std::string digest();

 private:
  sha256_ctx state_;
};

}  // namespace tsc
