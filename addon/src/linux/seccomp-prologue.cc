// The prologue: see the header.
#include "linux/seccomp-prologue.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <stddef.h>

#include <algorithm>
#include <iterator>

#include "linux/bpf-word.h"

namespace tsc {
namespace {

constexpr std::uint32_t kFirstX32 = 0x40000000;  // x32 shares AUDIT_ARCH_X86_64 and has this bit in its numbers

/// Whether the newer numbers mean the same there: not with MIPS's offsets, nor in x32.
bool has_common_numbers(std::uint32_t architecture) {
  constexpr std::uint32_t kKnown[] = {SCMP_ARCH_X86_64,  SCMP_ARCH_X86,     SCMP_ARCH_AARCH64, SCMP_ARCH_ARM,
                                      SCMP_ARCH_RISCV64, SCMP_ARCH_PPC64LE, SCMP_ARCH_S390X};
  return std::find(std::begin(kKnown), std::end(kKnown), architecture) != std::end(kKnown);
}

/// The part for one architecture: falls out of its end to go on, which is `after` instructions further on.
std::vector<std::uint64_t> part_of(const SeccompPrologue& prologue, std::uint32_t architecture, size_t after) {
  std::vector<std::uint64_t> part;
  // Every jump to the end is made by a `ja`, so that the offset may be of any size.
  const auto leave_if = [&](std::uint16_t test, std::uint32_t value) {
    part.push_back(bpf_word(BPF_JMP | test | BPF_K, value, 0, 1));
    part.push_back(0);  // filled in below
  };
  const auto answer_if = [&](std::uint16_t test, std::uint32_t value, std::uint32_t action) {
    part.push_back(bpf_word(BPF_JMP | test | BPF_K, value, 0, 1));
    part.push_back(bpf_word(BPF_RET | BPF_K, action));
  };
  part.push_back(bpf_word(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)));
  if (architecture == SCMP_ARCH_X86_64) leave_if(BPF_JGE, kFirstX32);
  for (const auto& [number, action] : prologue.newer) answer_if(BPF_JEQ, number, action);
  const auto last = prologue.last_known.find(architecture);
  if (prologue.refuses_unknown && last != prologue.last_known.end()) {
    answer_if(BPF_JGT, last->second, SECCOMP_RET_ERRNO | ENOSYS);
  }
  part.push_back(0);
  for (size_t index = 0; index < part.size(); ++index) {
    const size_t offset = part.size() - 1 - index + after;
    if (part[index] == 0) part[index] = bpf_jump(offset);
  }
  return part;
}

}  // namespace

std::vector<std::uint64_t> seccomp_prologue(const SeccompPrologue& prologue) {
  std::vector<std::uint64_t> program;
  if (!prologue.refuses_unknown && prologue.newer.empty()) return program;
  // Back to front, since each part has to know how much follows it.
  for (const auto& [architecture, last] : prologue.last_known) {
    if (!has_common_numbers(architecture)) continue;
    std::vector<std::uint64_t> part = part_of(prologue, architecture, program.size());
    part.insert(part.begin(), {bpf_word(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, arch)),
                               bpf_word(BPF_JMP | BPF_JEQ | BPF_K, architecture, 1, 0),
                               bpf_jump(part.size())});
    program.insert(program.begin(), part.begin(), part.end());
  }
  return program;
}

}  // namespace tsc
