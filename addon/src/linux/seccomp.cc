// Seccomp profiles: see the header.
#include "linux/seccomp.h"

#include <fcntl.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <map>
#include <mutex>

#include "linux/error.h"
#include "linux/file.h"
#include "oci/json-reader.h"

namespace tsc {
namespace {

using oci::Reader;

constexpr size_t kKeptPrograms = 32;
constexpr const char* kStep = "compile seccomp profile";

std::uint32_t parse_action(const Reader& reader, const char* key, const std::string& word, std::uint32_t error_number) {
  if (word == "SCMP_ACT_KILL" || word == "SCMP_ACT_KILL_THREAD") return SCMP_ACT_KILL_THREAD;
  if (word == "SCMP_ACT_KILL_PROCESS") return SCMP_ACT_KILL_PROCESS;
  if (word == "SCMP_ACT_TRAP") return SCMP_ACT_TRAP;
  if (word == "SCMP_ACT_ERRNO") return SCMP_ACT_ERRNO(error_number);
  if (word == "SCMP_ACT_TRACE") return SCMP_ACT_TRACE(error_number);
  if (word == "SCMP_ACT_ALLOW") return SCMP_ACT_ALLOW;
  if (word == "SCMP_ACT_LOG") return SCMP_ACT_LOG;
  reader.complain(key, "unknown or unsupported action " + word);
}

scmp_compare parse_operator(const Reader& reader, const std::string& word) {
  if (word == "SCMP_CMP_NE") return SCMP_CMP_NE;
  if (word == "SCMP_CMP_LT") return SCMP_CMP_LT;
  if (word == "SCMP_CMP_LE") return SCMP_CMP_LE;
  if (word == "SCMP_CMP_EQ") return SCMP_CMP_EQ;
  if (word == "SCMP_CMP_GE") return SCMP_CMP_GE;
  if (word == "SCMP_CMP_GT") return SCMP_CMP_GT;
  if (word == "SCMP_CMP_MASKED_EQ") return SCMP_CMP_MASKED_EQ;
  reader.complain("op", "unknown operator " + word);
}

std::uint32_t parse_flags(const Reader& reader) {
  std::uint32_t flags = 0;
  for (const std::string& word : reader.texts("flags")) {
    if (word == "SECCOMP_FILTER_FLAG_TSYNC")
      flags |= SECCOMP_FILTER_FLAG_TSYNC;
    else if (word == "SECCOMP_FILTER_FLAG_LOG")
      flags |= SECCOMP_FILTER_FLAG_LOG;
    else if (word == "SECCOMP_FILTER_FLAG_SPEC_ALLOW")
      flags |= SECCOMP_FILTER_FLAG_SPEC_ALLOW;
    else
      reader.complain("flags", "unknown or unsupported flag " + word);
  }
  return flags;
}

void add_architectures(const Reader& reader, scmp_filter_ctx context) {
  for (std::string word : reader.texts("architectures")) {
    if (word.rfind("SCMP_ARCH_", 0) == 0) word.erase(0, 10);
    for (char& letter : word) letter = static_cast<char>(tolower(letter));
    const std::uint32_t architecture = seccomp_arch_resolve_name(word.c_str());
    if (architecture == 0) reader.complain("architectures", "unknown architecture " + word);
    const int result = seccomp_arch_add(context, architecture);
    if (result != 0 && result != -EEXIST) throw_errno(-result, kStep, "seccomp_arch_add", word);
  }
}

std::vector<scmp_arg_cmp> parse_arguments(const Reader& reader) {
  std::vector<scmp_arg_cmp> result;
  reader.objects("args", [&](const Reader& item) {
    const scmp_compare op = parse_operator(item, item.text("op"));
    scmp_arg_cmp compare = {};
    compare.arg = item.natural32("index");
    compare.op = op;
    compare.datum_a = item.natural("value");
    // For a masked comparison the specification's `value` is the mask and `valueTwo` what must remain.
    if (op == SCMP_CMP_MASKED_EQ) compare.datum_b = item.natural("valueTwo");
    result.push_back(compare);
  });
  return result;
}

bool has_repeated_index(const std::vector<scmp_arg_cmp>& arguments) {
  for (size_t i = 0; i < arguments.size(); ++i) {
    for (size_t j = 0; j < i; ++j) {
      if (arguments[i].arg == arguments[j].arg) return true;
    }
  }
  return false;
}

void add_rule(scmp_filter_ctx context, std::uint32_t action, const std::string& name,
              const std::vector<scmp_arg_cmp>& arguments) {
  const int number = seccomp_syscall_resolve_name(name.c_str());
  if (number == __NR_SCMP_ERROR) return;  // a system call that this library does not know cannot be called either
  const auto add = [&](unsigned count, const scmp_arg_cmp* first) {
    const int result = seccomp_rule_add_array(context, action, number, count, first);
    if (result != 0 && result != -EEXIST) throw_errno(-result, kStep, "seccomp_rule_add", name);
  };
  if (!has_repeated_index(arguments)) return add(static_cast<unsigned>(arguments.size()), arguments.data());
  // Several conditions on one argument: libseccomp takes one per rule, and several rules are alternatives.
  for (const scmp_arg_cmp& argument : arguments) add(1, &argument);
}

void add_rules(const Reader& reader, scmp_filter_ctx context, std::uint32_t default_action) {
  reader.objects("syscalls", [&](const Reader& item) {
    const std::uint32_t error_number = item.natural32("errnoRet", EPERM);
    const std::uint32_t action = parse_action(item, "action", item.text("action"), error_number);
    if (action == default_action) return;
    const std::vector<scmp_arg_cmp> arguments = parse_arguments(item);
    for (const std::string& name : item.texts("names")) add_rule(context, action, name, arguments);
  });
}

std::vector<std::uint64_t> export_program(scmp_filter_ctx context) {
  const UniqueFd memory(memfd_create("seccomp", MFD_CLOEXEC));
  if (!memory) throw_errno(kStep, "memfd_create");
  const int result = seccomp_export_bpf(context, memory.get());
  if (result != 0) throw_errno(-result, kStep, "seccomp_export_bpf");
  struct stat found;
  if (fstat(memory.get(), &found) != 0) throw_errno(kStep, "fstat");
  std::vector<std::uint64_t> instructions(static_cast<size_t>(found.st_size) / 8);
  if (pread(memory.get(), instructions.data(), instructions.size() * 8, 0) != found.st_size)
    throw_errno(kStep, "pread");
  return instructions;
}

SeccompProgram compile(const std::string& profile) {
  const nlohmann::json value = oci::parse_object(profile, "linux.seccomp");
  const Reader reader(value, "linux.seccomp");
  reader.refuse("listenerPath");
  SeccompProgram program;
  program.flags = parse_flags(reader);
  const std::uint32_t error_number = reader.natural32("defaultErrnoRet", EPERM);
  const std::uint32_t action = parse_action(reader, "defaultAction", reader.text("defaultAction"), error_number);
  const std::unique_ptr<void, void (*)(scmp_filter_ctx)> context(seccomp_init(action), seccomp_release);
  if (!context) throw_errno(EINVAL, kStep, "seccomp_init");
  // The process decides no-new-privileges, not the filter; a binary search tree is the fastest to pass through.
  seccomp_attr_set(context.get(), SCMP_FLTATR_CTL_NNP, 0);
  seccomp_attr_set(context.get(), SCMP_FLTATR_CTL_OPTIMIZE, 2);
  add_architectures(reader, context.get());
  add_rules(reader, context.get(), action);
  program.instructions = export_program(context.get());
  return program;
}

std::string key_of(const std::string& profile) {
  const scmp_version* version = seccomp_version();
  return "1 " + std::to_string(version->major) + "." + std::to_string(version->minor) + "." +
         std::to_string(version->micro) + " " + std::to_string(seccomp_arch_native()) + " " + profile;
}

/// A name for the file only: the file carries its key, so a collision costs a compilation and nothing else.
std::string file_name(const std::string& key) {
  std::uint64_t hash = 0xcbf29ce484222325u;
  for (unsigned char byte : key) hash = (hash ^ byte) * 0x100000001b3u;
  char text[20];
  snprintf(text, sizeof text, "%016llx", static_cast<unsigned long long>(hash));
  return text;
}

bool load(const std::string& path, const std::string& key, SeccompProgram& program) {
  std::string content;
  if (!try_read_file(path, content)) return false;
  std::uint64_t head[3];
  if (content.size() < sizeof head) return false;
  memcpy(head, content.data(), sizeof head);
  const size_t body = sizeof head + key.size();
  if (head[0] != key.size() || content.size() != body + head[2] * 8) return false;
  if (content.compare(sizeof head, key.size(), key) != 0) return false;
  program.flags = static_cast<std::uint32_t>(head[1]);
  program.instructions.resize(head[2]);
  memcpy(program.instructions.data(), content.data() + body, head[2] * 8);
  return true;
}

void save(const std::string& directory, const std::string& path, const std::string& key,
          const SeccompProgram& program) {
  const std::uint64_t head[3] = {key.size(), program.flags, program.instructions.size()};
  std::string content(reinterpret_cast<const char*>(head), sizeof head);
  content += key;
  content.append(reinterpret_cast<const char*>(program.instructions.data()), program.instructions.size() * 8);
  make_directories(kStep, directory, 0700);
  replace_file(kStep, path, content);
}

}  // namespace

std::shared_ptr<const SeccompProgram> compile_seccomp(const std::string& profile, const std::string& cache_directory) {
  static std::mutex mutex;
  static std::map<std::string, std::shared_ptr<const SeccompProgram>> kept;
  const std::string key = key_of(profile);
  const std::lock_guard lock(mutex);
  if (const auto found = kept.find(key); found != kept.end()) return found->second;
  auto program = std::make_shared<SeccompProgram>();
  const std::string path = cache_directory + "/" + file_name(key);
  if (!load(path, key, *program)) {
    *program = compile(profile);
    save(cache_directory, path, key, *program);
  }
  if (kept.size() >= kKeptPrograms) kept.clear();
  kept.emplace(key, program);
  return program;
}

}  // namespace tsc
