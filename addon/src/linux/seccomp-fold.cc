// Folding of filters: see the header. The new program is a tree of ranges per architecture, then `rest`.
#include "linux/seccomp-fold.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <string.h>

#include <optional>
#include <set>

#include "linux/bpf-word.h"

namespace tsc {
namespace {

using Program = std::vector<std::uint64_t>;

constexpr size_t kLongestJump = 255;
/// Argument vectors tried on each system call whose arguments matter.
constexpr int kTrials = 256;

sock_filter instruction_of(std::uint64_t word) {
  sock_filter instruction;
  memcpy(&instruction, &word, sizeof instruction);
  return instruction;
}

struct Verdict {
  enum Kind { action, depends, unknown } kind;
  std::uint32_t value = 0;  // of the action
  bool operator==(const Verdict& other) const { return kind == other.kind && value == other.value; }
};

/// Runs `program`. Without `call` only number and architecture are known; `unknown`: it does what is not read here.
Verdict run(const Program& program, std::uint32_t architecture, std::uint32_t number, const seccomp_data* call) {
  std::uint32_t accumulator = 0;
  for (size_t at = 0; at < program.size(); ++at) {
    const sock_filter step = instruction_of(program[at]);
    bool holds = false;
    switch (step.code) {
      case BPF_LD | BPF_W | BPF_ABS:
        if (step.k == offsetof(seccomp_data, nr)) {
          accumulator = number;
        } else if (step.k == offsetof(seccomp_data, arch)) {
          accumulator = architecture;
        } else if (call == nullptr) {
          return {Verdict::depends};
        } else if (step.k <= sizeof *call - sizeof accumulator) {
          memcpy(&accumulator, reinterpret_cast<const char*>(call) + step.k, sizeof accumulator);
        } else {
          return {Verdict::unknown};
        }
        continue;
      case BPF_RET | BPF_K:
        return {Verdict::action, step.k};
      case BPF_JMP | BPF_JA:
        at += step.k;
        continue;
      case BPF_ALU | BPF_AND | BPF_K:
        if (call == nullptr) return {Verdict::unknown};  // of a number: ranges would not tell
        accumulator &= step.k;
        continue;
      case BPF_JMP | BPF_JEQ | BPF_K:
        holds = accumulator == step.k;
        break;
      case BPF_JMP | BPF_JGT | BPF_K:
        holds = accumulator > step.k;
        break;
      case BPF_JMP | BPF_JGE | BPF_K:
        holds = accumulator >= step.k;
        break;
      default:
        return {Verdict::unknown};
    }
    at += holds ? step.jt : step.jf;
  }
  return {Verdict::unknown};
}

/// What numbers and arguments are compared with: between two of these nothing changes.
std::set<std::uint32_t> constants_of(const Program& program) {
  std::set<std::uint32_t> found = {0};
  for (const std::uint64_t each : program) {
    const sock_filter step = instruction_of(each);
    if (BPF_CLASS(step.code) != BPF_JMP || BPF_OP(step.code) == BPF_JA) continue;
    found.insert(step.k);
    found.insert(step.k + 1);
  }
  return found;
}

struct Range {
  std::uint32_t first;  // up to the next one's
  Verdict verdict;
};

/// Nothing when a verdict could not be read.
std::optional<std::vector<Range>> ranges_of(const Program& program, std::uint32_t architecture,
                                            const std::set<std::uint32_t>& constants) {
  std::vector<Range> ranges;
  for (const std::uint32_t number : constants) {
    const Verdict verdict = run(program, architecture, number, nullptr);
    if (verdict.kind == Verdict::unknown) return std::nullopt;
    if (ranges.empty() || !(ranges.back().verdict == verdict)) ranges.push_back({number, verdict});
  }
  return ranges;
}

/// Whether both decide alike on `number`, tried with arguments of the constants that they know.
bool decide_alike(const Program& whole, const Program& rest, std::uint32_t architecture, std::uint32_t number,
                  const std::vector<std::uint32_t>& constants) {
  std::uint32_t random = number * 2654435761u + 1;
  const auto any = [&] {
    random = random * 1664525u + 1013904223u;
    return constants[(random >> 8) % constants.size()];
  };
  for (int trial = 0; trial < kTrials; ++trial) {
    seccomp_data call = {};
    call.nr = static_cast<int>(number);
    call.arch = architecture;
    for (auto& argument : call.args) argument = any() | (trial % 4 == 0 ? std::uint64_t{any()} << 32 : 0);
    const Verdict meant = run(whole, architecture, number, &call);
    if (meant.kind != Verdict::action || !(run(rest, architecture, number, &call) == meant)) return false;
  }
  return true;
}

/// A search tree over few ranges, with one instruction for each boundary and one for each verdict; 0 jumps to the rest.
class Block {
 public:
  Block(const std::vector<Range>& ranges, size_t first, size_t end) : ranges_(ranges) {
    add(first, end);  // a single range has no boundary: its verdict alone is the block
    const size_t nodes = nodes_.size();
    const auto place = [&](size_t target) { return target < kLeaf ? target : nodes + target - kLeaf; };
    for (size_t at = 0; at < nodes_.size(); ++at) {
      const Node& node = nodes_[at];
      program_.push_back(bpf_word(BPF_JMP | BPF_JGE | BPF_K, node.boundary, place(node.high) - at - 1,
                              place(node.low) - at - 1));
    }
    for (const Verdict& leaf : leaves_)
      program_.push_back(leaf.kind == Verdict::action ? bpf_word(BPF_RET | BPF_K, leaf.value) : 0);
  }

  const Program& program() const { return program_; }

 private:
  /// Above every node's index.
  static constexpr size_t kLeaf = 1u << 20;

  struct Node {
    std::uint32_t boundary;
    size_t low, high;
  };

  size_t add(size_t first, size_t end) {
    if (end - first == 1) return leaf_of(ranges_[first].verdict);
    const size_t middle = first + (end - first) / 2;
    const size_t index = nodes_.size();
    nodes_.push_back({ranges_[middle].first, 0, 0});
    const size_t low = add(first, middle);
    const size_t high = add(middle, end);
    nodes_[index].low = low;
    nodes_[index].high = high;
    return index;
  }

  size_t leaf_of(const Verdict& verdict) {
    for (size_t at = 0; at < leaves_.size(); ++at) {
      if (leaves_[at] == verdict) return kLeaf + at;
    }
    leaves_.push_back(verdict);
    return kLeaf + leaves_.size() - 1;
  }

  const std::vector<Range>& ranges_;
  std::vector<Node> nodes_;
  std::vector<Verdict> leaves_;
  Program program_;
};

/// So many that a jump inside of their block, verdicts included, is never too long.
constexpr size_t kRangesInBlock = 120;

/// A search tree over `ranges`; 0 stands for a jump to the rest.
Program tree_of(const std::vector<Range>& ranges, size_t first, size_t end) {
  if (end - first <= kRangesInBlock) return Block(ranges, first, end).program();
  const size_t middle = first + (end - first) / 2;
  const Program low = tree_of(ranges, first, middle);
  const Program high = tree_of(ranges, middle, end);
  Program tree;
  if (low.size() <= kLongestJump) {
    tree.push_back(bpf_word(BPF_JMP | BPF_JGE | BPF_K, ranges[middle].first, low.size(), 0));
  } else {
    tree.push_back(bpf_word(BPF_JMP | BPF_JGE | BPF_K, ranges[middle].first, 0, 1));
    tree.push_back(bpf_jump(low.size()));
  }
  tree.insert(tree.end(), low.begin(), low.end());
  tree.insert(tree.end(), high.begin(), high.end());
  return tree;
}

/// For one architecture: falls out of its end for others; `after` instructions stand between it and the rest.
Program part_of(const std::vector<Range>& ranges, std::uint32_t architecture, size_t after) {
  Program tree = tree_of(ranges, 0, ranges.size());
  for (size_t at = 0; at < tree.size(); ++at) {
    if (tree[at] == 0) tree[at] = bpf_jump(tree.size() - 1 - at + after);
  }
  tree.insert(tree.begin(), {bpf_word(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, arch)),
                             bpf_word(BPF_JMP | BPF_JEQ | BPF_K, architecture, 1, 0), bpf_jump(tree.size() + 1),
                             bpf_word(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr))});
  return tree;
}

bool fit_together(const Program& whole, const Program& rest, std::uint32_t architecture,
                  const std::vector<Range>& ranges, const std::vector<std::uint32_t>& constants) {
  for (size_t at = 0; at < ranges.size(); ++at) {
    if (ranges[at].verdict.kind != Verdict::depends) continue;
    const std::uint64_t end = at + 1 < ranges.size() ? ranges[at + 1].first : std::uint64_t{1} << 32;
    for (std::uint64_t number = ranges[at].first; number < end; ++number) {
      if (!decide_alike(whole, rest, architecture, static_cast<std::uint32_t>(number), constants)) return false;
    }
  }
  return true;
}

/// A filter that looks at the arguments of so many numbers at once is not libseccomp's.
constexpr std::uint64_t kMostDependent = 4096;

bool is_readable(const std::vector<Range>& ranges) {
  std::uint64_t count = 0;
  for (size_t at = 0; at < ranges.size(); ++at) {
    const std::uint64_t end = at + 1 < ranges.size() ? ranges[at + 1].first : std::uint64_t{1} << 32;
    if (ranges[at].verdict.kind == Verdict::depends) count += end - ranges[at].first;
  }
  return count <= kMostDependent;
}

}  // namespace

Program fold_seccomp(const Program& whole, const Program& rest, const std::vector<std::uint32_t>& architectures) {
  const std::set<std::uint32_t> constants = constants_of(whole);
  const std::vector<std::uint32_t> listed(constants.begin(), constants.end());
  Program folded = rest;
  size_t after = 0;
  for (const std::uint32_t architecture : architectures) {
    const auto ranges = ranges_of(whole, architecture, constants);
    if (!ranges || !is_readable(*ranges) || !fit_together(whole, rest, architecture, *ranges, listed)) return whole;
    const Program part = part_of(*ranges, architecture, after);
    folded.insert(folded.begin(), part.begin(), part.end());
    after += part.size();
  }
  for (const std::uint32_t stranger : {0u, ~0u}) {
    const Verdict meant = run(whole, stranger, 0, nullptr);
    if (meant.kind != Verdict::action || !(run(rest, stranger, 0, nullptr) == meant)) return whole;
  }
  return folded.size() < whole.size() ? folded : whole;
}

}  // namespace tsc
