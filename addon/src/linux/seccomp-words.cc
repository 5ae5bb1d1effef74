// The words of linux.seccomp: see the header.
#include "linux/seccomp-words.h"

#include <errno.h>
#include <linux/seccomp.h>

namespace tsc {
namespace {

using oci::Reader;

#ifndef SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV
#define SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV (1UL << 5)
#endif

struct Word {
  const char* text;
  std::uint32_t value;
};

constexpr Word kPlainActions[] = {
    {"SCMP_ACT_KILL", SCMP_ACT_KILL_THREAD},  {"SCMP_ACT_KILL_THREAD", SCMP_ACT_KILL_THREAD},
    {"SCMP_ACT_TRAP", SCMP_ACT_TRAP},         {"SCMP_ACT_KILL_PROCESS", SCMP_ACT_KILL_PROCESS},
    {"SCMP_ACT_ALLOW", SCMP_ACT_ALLOW},       {"SCMP_ACT_LOG", SCMP_ACT_LOG},
    {"SCMP_ACT_NOTIFY", SCMP_ACT_NOTIFY},
};

constexpr Word kOperators[] = {
    {"SCMP_CMP_NE", SCMP_CMP_NE}, {"SCMP_CMP_LT", SCMP_CMP_LT}, {"SCMP_CMP_LE", SCMP_CMP_LE},
    {"SCMP_CMP_EQ", SCMP_CMP_EQ}, {"SCMP_CMP_GE", SCMP_CMP_GE}, {"SCMP_CMP_GT", SCMP_CMP_GT},
    {"SCMP_CMP_MASKED_EQ", SCMP_CMP_MASKED_EQ},
};

constexpr Word kFlags[] = {
    {"SECCOMP_FILTER_FLAG_TSYNC", SECCOMP_FILTER_FLAG_TSYNC},
    {"SECCOMP_FILTER_FLAG_LOG", SECCOMP_FILTER_FLAG_LOG},
    {"SECCOMP_FILTER_FLAG_SPEC_ALLOW", SECCOMP_FILTER_FLAG_SPEC_ALLOW},
    {"SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV", SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV},
};

constexpr Word kNewerSyscalls[] = {
    {"cachestat", 451},         {"fchmodat2", 452},         {"map_shadow_stack", 453},  {"futex_wake", 454},
    {"futex_wait", 455},        {"futex_requeue", 456},     {"statmount", 457},         {"listmount", 458},
    {"lsm_get_self_attr", 459}, {"lsm_set_self_attr", 460}, {"lsm_list_modules", 461},  {"mseal", 462},
    {"setxattrat", 463},        {"getxattrat", 464},        {"listxattrat", 465},       {"removexattrat", 466},
    {"open_tree_attr", 467},    {"file_getattr", 468},      {"file_setattr", 469},
};

template <size_t count>
const Word* find(const Word (&words)[count], const std::string& text) {
  for (const Word& word : words) {
    if (text == word.text) return &word;
  }
  return nullptr;
}

}  // namespace

std::uint32_t seccomp_action(const Reader& reader, const char* key, const char* errno_key) {
  const std::string text = reader.text(key);
  const std::uint32_t error_number = reader.natural32(errno_key, EPERM);
  if (error_number > 0xffff) reader.complain(errno_key, "larger than 16 bits");
  if (text == "SCMP_ACT_ERRNO") return SCMP_ACT_ERRNO(error_number);
  if (text == "SCMP_ACT_TRACE") return SCMP_ACT_TRACE(error_number);
  const Word* word = find(kPlainActions, text);
  if (word == nullptr) reader.complain(key, text.empty() ? "missing" : "unknown action " + text);
  if (reader.has(errno_key)) reader.complain(errno_key, text + " returns no errno");
  return word->value;
}

scmp_compare seccomp_operator(const Reader& reader) {
  const std::string text = reader.text("op");
  const Word* word = find(kOperators, text);
  if (word == nullptr) reader.complain("op", text.empty() ? "missing" : "unknown operator " + text);
  return static_cast<scmp_compare>(word->value);
}

std::uint32_t seccomp_flags(const Reader& reader) {
  if (!reader.has("flags")) return SECCOMP_FILTER_FLAG_SPEC_ALLOW;
  std::uint32_t flags = 0;
  for (const std::string& text : reader.texts("flags")) {
    const Word* word = find(kFlags, text);
    if (word == nullptr) reader.complain("flags", "unknown flag " + text);
    flags |= word->value;
  }
  return flags;
}

std::vector<std::uint32_t> seccomp_architectures(const Reader& reader) {
  std::vector<std::uint32_t> result;
  for (const std::string& text : reader.texts("architectures")) {
    std::string name = text.rfind("SCMP_ARCH_", 0) == 0 ? text.substr(10) : text;
    for (char& letter : name) {
      if (letter >= 'A' && letter <= 'Z') letter = static_cast<char>(letter - 'A' + 'a');
    }
    const std::uint32_t architecture = seccomp_arch_resolve_name(name.c_str());
    if (architecture == 0) reader.complain("architectures", "unknown architecture " + text);
    result.push_back(architecture);
  }
  if (result.empty()) result.push_back(seccomp_arch_native());
  return result;
}

int newer_syscall_number(const std::string& name) {
  const Word* word = find(kNewerSyscalls, name);
  return word == nullptr ? -1 : static_cast<int>(word->value);
}

}  // namespace tsc
