// One instruction of classic BPF as the word that programs are kept in: for what writes or reads seccomp filters.
#pragma once

#include <linux/filter.h>
#include <string.h>

#include <cstddef>
#include <cstdint>

namespace tsc {

inline std::uint64_t bpf_word(std::uint16_t code, std::uint32_t value, size_t if_true = 0, size_t if_false = 0) {
  const sock_filter instruction = {code, static_cast<__u8>(if_true), static_cast<__u8>(if_false), value};
  std::uint64_t result;
  memcpy(&result, &instruction, sizeof result);
  return result;
}

/// Of any length, unlike a comparison's.
inline std::uint64_t bpf_jump(size_t offset) { return bpf_word(BPF_JMP | BPF_JA, static_cast<std::uint32_t>(offset)); }

}  // namespace tsc
