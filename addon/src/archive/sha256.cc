// The digest's text.
#include "archive/sha256.h"

namespace tsc {

std::string Sha256::digest() {
  static constexpr char kHex[] = "0123456789abcdef";
  uint8_t bytes[SHA256_DIGEST_SIZE];
  sha256_digest(&state_, sizeof bytes, bytes);
  std::string text = "sha256:";
  for (const uint8_t byte : bytes) {
    text += kHex[byte >> 4];
    text += kHex[byte & 15];
  }
  return text;
}

}  // namespace tsc
