// Scheduling in config.json: process.scheduler, .ioPriority, .execCPUAffinity and linux.memoryPolicy, from the
// specification's words to the kernel's numbers.
#include <linux/mempolicy.h>
#include <linux/sched.h>

#include <cstdlib>

#include "oci/config.h"
#include "oci/json-reader.h"
#include "oci/parts.h"

namespace tsc::oci {
namespace {

struct Word {
  const char* name;
  std::uint32_t value;
};

constexpr Word kPolicies[] = {{"SCHED_OTHER", SCHED_NORMAL}, {"SCHED_FIFO", SCHED_FIFO}, {"SCHED_RR", SCHED_RR},
                              {"SCHED_BATCH", SCHED_BATCH},  {"SCHED_ISO", 4},           {"SCHED_IDLE", SCHED_IDLE},
                              {"SCHED_DEADLINE", SCHED_DEADLINE}};

constexpr Word kFlags[] = {{"SCHED_FLAG_RESET_ON_FORK", SCHED_FLAG_RESET_ON_FORK},
                           {"SCHED_FLAG_RECLAIM", SCHED_FLAG_RECLAIM},
                           {"SCHED_FLAG_DL_OVERRUN", SCHED_FLAG_DL_OVERRUN},
                           {"SCHED_FLAG_KEEP_POLICY", SCHED_FLAG_KEEP_POLICY},
                           {"SCHED_FLAG_KEEP_PARAMS", SCHED_FLAG_KEEP_PARAMS},
                           {"SCHED_FLAG_UTIL_CLAMP_MIN", SCHED_FLAG_UTIL_CLAMP_MIN},
                           {"SCHED_FLAG_UTIL_CLAMP_MAX", SCHED_FLAG_UTIL_CLAMP_MAX}};

// ioprio_set(2); the kernel's header is no C++.
constexpr std::uint32_t kIoClassShift = 13;
constexpr Word kIoClasses[] = {{"IOPRIO_CLASS_RT", 1}, {"IOPRIO_CLASS_BE", 2}, {"IOPRIO_CLASS_IDLE", 3}};

constexpr Word kMemoryModes[] = {{"MPOL_DEFAULT", MPOL_DEFAULT},
                                 {"MPOL_PREFERRED", MPOL_PREFERRED},
                                 {"MPOL_BIND", MPOL_BIND},
                                 {"MPOL_INTERLEAVE", MPOL_INTERLEAVE},
                                 {"MPOL_LOCAL", MPOL_LOCAL},
                                 {"MPOL_PREFERRED_MANY", MPOL_PREFERRED_MANY},
                                 {"MPOL_WEIGHTED_INTERLEAVE", 6}};

constexpr Word kMemoryFlags[] = {{"MPOL_F_STATIC_NODES", MPOL_F_STATIC_NODES},
                                 {"MPOL_F_RELATIVE_NODES", MPOL_F_RELATIVE_NODES},
                                 {"MPOL_F_NUMA_BALANCING", MPOL_F_NUMA_BALANCING}};

template <size_t N>
std::uint32_t find_word(const Reader& reader, const char* key, const std::string& word, const Word (&words)[N]) {
  for (const Word& known : words) {
    if (word == known.name) return known.value;
  }
  reader.complain(key, word.empty() ? "missing" : "unknown word " + word);
}

Scheduler parse_scheduler(const Reader& reader) {
  Scheduler result;
  result.policy = find_word(reader, "policy", reader.text("policy"), kPolicies);
  for (const std::string& flag : reader.texts("flags")) result.flags |= find_word(reader, "flags", flag, kFlags);
  result.nice = static_cast<std::int32_t>(reader.integer("nice"));
  result.priority = reader.natural32("priority");
  result.runtime = reader.natural("runtime");
  result.deadline = reader.natural("deadline");
  result.period = reader.natural("period");
  const bool has_nice = result.policy == SCHED_NORMAL || result.policy == SCHED_BATCH;
  const bool has_priority = result.policy == SCHED_FIFO || result.policy == SCHED_RR;
  if (result.nice < -20 || result.nice > 19) reader.complain("nice", "not within -20..19");
  if (result.nice != 0 && !has_nice) reader.complain("nice", "only SCHED_OTHER and SCHED_BATCH have one");
  if (result.priority != 0 && !has_priority) reader.complain("priority", "only SCHED_FIFO and SCHED_RR have one");
  if (has_priority && (result.priority < 1 || result.priority > 99)) reader.complain("priority", "not within 1..99");
  if (result.policy != SCHED_DEADLINE && (result.runtime | result.deadline | result.period) != 0) {
    reader.complain("runtime", "runtime, deadline and period are SCHED_DEADLINE's");
  }
  return result;
}

std::uint16_t parse_io_priority(const Reader& reader) {
  const std::uint32_t io_class = find_word(reader, "class", reader.text("class"), kIoClasses);
  const std::int64_t priority = reader.integer("priority");
  if (priority < 0 || priority > 7) reader.complain("priority", "not within 0..7");
  return static_cast<std::uint16_t>(io_class << kIoClassShift | static_cast<std::uint32_t>(priority));
}

/// More than any kernel has: NR_CPUS is at most 8192, nodes at most 1024.
constexpr unsigned long kHighestNumber = 65535;

bool take_number(const char*& cursor, unsigned long& number) {
  if (*cursor < '0' || *cursor > '9') return false;
  char* end;
  number = std::strtoul(cursor, &end, 10);
  cursor = end;
  return number <= kHighestNumber;
}

}  // namespace

NumberMask read_number_mask(const Reader& reader, const char* key) {
  NumberMask mask;
  const std::string text = reader.text(key);
  const char* cursor = text.c_str();
  while (*cursor != '\0') {
    unsigned long first, last;
    while (*cursor == ' ') ++cursor;
    if (!take_number(cursor, first)) reader.complain(key, "not a list of numbers: " + text);
    last = first;
    if (*cursor == '-' && (!take_number(++cursor, last) || last < first)) {
      reader.complain(key, "not a list of numbers: " + text);
    }
    if (mask.size() <= last / 64) mask.resize(last / 64 + 1);
    for (unsigned long number = first; number <= last; ++number) mask[number / 64] |= std::uint64_t{1} << number % 64;
    while (*cursor == ' ') ++cursor;
    if (*cursor != '\0' && *cursor++ != ',') reader.complain(key, "not a list of numbers: " + text);
  }
  return mask;
}

void read_scheduling(const Reader& reader, Process& process) {
  reader.object("scheduler", [&](const Reader& item) { process.scheduler = parse_scheduler(item); });
  reader.object("ioPriority", [&](const Reader& item) { process.io_priority = parse_io_priority(item); });
  reader.object("execCPUAffinity", [&](const Reader& item) {
    process.initial_cpus = read_number_mask(item, "initial");
    process.final_cpus = read_number_mask(item, "final");
  });
}

MemoryPolicy read_memory_policy(const Reader& reader) {
  MemoryPolicy result;
  const std::string mode = reader.text("mode");
  result.mode = find_word(reader, "mode", mode, kMemoryModes);
  for (const std::string& flag : reader.texts("flags")) result.mode |= find_word(reader, "flags", flag, kMemoryFlags);
  result.nodes = read_number_mask(reader, "nodes");
  const bool takes_nodes = mode != "MPOL_DEFAULT" && mode != "MPOL_LOCAL";
  if (!takes_nodes && !result.nodes.empty()) reader.complain("nodes", mode + " takes none");
  if (takes_nodes && result.nodes.empty() && mode != "MPOL_PREFERRED") reader.complain("nodes", "missing");
  return result;
}

}  // namespace tsc::oci
