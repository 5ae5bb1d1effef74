// Seccomp profiles: see the header.
#include "linux/seccomp.h"

#include <linux/seccomp.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <algorithm>
#include <iterator>
#include <memory>
#include <set>

#include "linux/error.h"
#include "linux/seccomp-fold.h"
#include "linux/seccomp-prologue.h"
#include "linux/seccomp-words.h"
#include "linux/unique-fd.h"
#include "oci/json-reader.h"

namespace tsc {
namespace {

using oci::Reader;

constexpr const char* kStep = "compile seccomp profile";
constexpr std::uint32_t kMaxArgument = 5;

#ifndef SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV
#define SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV (1UL << 5)
#endif

using Context = std::unique_ptr<void, void (*)(scmp_filter_ctx)>;

struct Rule {
  std::string name;
  int number;
  std::uint32_t action;
  std::vector<scmp_arg_cmp> arguments;
};

/// One call stands for all of these on some architectures, and an argument says which is meant: socketcall(2), ipc(2).
constexpr const char* kMultiplexed[] = {
    "accept",   "accept4",  "bind",       "connect",  "getpeername", "getsockname", "getsockopt", "listen",
    "recv",     "recvfrom", "recvmmsg",   "recvmsg",  "send",        "sendmmsg",    "sendmsg",    "sendto",
    "shutdown", "socket",   "setsockopt", "msgctl",   "socketpair",  "msgget",      "msgrcv",     "msgsnd",
    "semctl",   "semget",   "semop",      "shmat",    "semtimedop",  "shmctl",      "shmdt",      "shmget",
};

class Compiler {
 public:
  explicit Compiler(const Reader& reader) : reader_(reader) {}
  SeccompProgram compile();

 private:
  void add_rules();
  void add_rule(const Reader& rule, const std::string& name, std::uint32_t action,
                const std::vector<scmp_arg_cmp>& arguments);
  void note_number(const std::string& name);
  Context new_context() const;
  std::vector<std::uint64_t> program_of(const std::vector<Rule>& rules) const;
  std::vector<Rule> rules_on_arguments() const;
  void plan_listener(SeccompProgram& program) const;

  const Reader& reader_;
  std::uint32_t default_action_ = 0;
  std::vector<std::uint32_t> architectures_;
  std::vector<Rule> rules_;
  SeccompPrologue prologue_;
  bool has_notify_ = false;
};

std::vector<scmp_arg_cmp> parse_arguments(const Reader& reader) {
  std::vector<scmp_arg_cmp> result;
  reader.objects("args", [&](const Reader& item) {
    scmp_arg_cmp compare = {};
    compare.arg = item.natural32("index");
    if (compare.arg > kMaxArgument) item.complain("index", "a system call has six arguments, 0 to 5");
    compare.op = seccomp_operator(item);
    compare.datum_a = item.natural("value");
    // For a masked comparison the specification's `value` is the mask and `valueTwo` what must remain.
    if (compare.op == SCMP_CMP_MASKED_EQ) compare.datum_b = item.natural("valueTwo");
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

/// Whether a system call that no rule names may be made: then one that nobody could know may be, too.
bool is_permissive(std::uint32_t action) {
  const std::uint32_t kind = action & SECCOMP_RET_ACTION_FULL;
  return kind == SECCOMP_RET_ALLOW || kind == SECCOMP_RET_LOG || kind == SECCOMP_RET_TRACE;
}

void Compiler::note_number(const std::string& name) {
  for (const std::uint32_t architecture : architectures_) {
    int number = seccomp_syscall_resolve_name_arch(architecture, name.c_str());
    if (number == __NR_SCMP_ERROR) number = newer_syscall_number(name);
    if (number < 0) continue;  // not there on this architecture
    std::uint32_t& last = prologue_.last_known[architecture];
    last = std::max(last, static_cast<std::uint32_t>(number));
  }
}

void Compiler::add_rule(const Reader& rule, const std::string& name, std::uint32_t action,
                        const std::vector<scmp_arg_cmp>& arguments) {
  // The child hands the notification fd out with sendmsg: nobody could answer for it yet. With runc it is write, and a
  // profile that runs here is to run there.
  if (action == SCMP_ACT_NOTIFY && (name == "sendmsg" || name == "write")) {
    rule.complain("action", "SCMP_ACT_NOTIFY cannot be used for the " + name + " syscall");
  }
  note_number(name);
  if (action == default_action_) return;
  if (action == SCMP_ACT_NOTIFY) has_notify_ = true;
  const int number = seccomp_syscall_resolve_name(name.c_str());
  if (number == __NR_SCMP_ERROR) {
    const int newer = newer_syscall_number(name);
    // One that is not known here either, or a condition that only libseccomp could compile: as if it were not named.
    if (newer >= 0 && arguments.empty()) prologue_.newer.emplace_back(newer, action);
    return;
  }
  rules_.push_back({name, number, action, arguments});
}

void Compiler::add_rules() {
  reader_.objects("syscalls", [&](const Reader& item) {
    const std::uint32_t action = seccomp_action(item, "action", "errnoRet");
    const std::vector<scmp_arg_cmp> arguments = parse_arguments(item);
    const std::vector<std::string> names = item.texts("names");
    if (names.empty()) item.complain("names", "missing");
    for (const std::string& name : names) add_rule(item, name, action, arguments);
  });
}

void Compiler::plan_listener(SeccompProgram& program) const {
  if (has_notify_) {
    program.listener_path = reader_.text("listenerPath");
    program.listener_metadata = reader_.text("listenerMetadata");
    if (program.listener_path.empty()) {
      reader_.complain("listenerPath", "SCMP_ACT_NOTIFY: seccomp listenerPath is not set");
    }
    program.flags |= SECCOMP_FILTER_FLAG_NEW_LISTENER;
    // With a listener the kernel has to tell a thread that could not be synchronized by errno. seccomp(2)
    if ((program.flags & SECCOMP_FILTER_FLAG_TSYNC) != 0) program.flags |= SECCOMP_FILTER_FLAG_TSYNC_ESRCH;
  } else if ((program.flags & SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV) != 0) {
    reader_.complain("flags", "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV: no rule has SCMP_ACT_NOTIFY");
  }
}

void add_to(scmp_filter_ctx context, const Rule& rule) {
  const auto add = [&](unsigned count, const scmp_arg_cmp* first) {
    const int result = seccomp_rule_add_array(context, rule.action, rule.number, count, first);
    if (result != 0 && result != -EEXIST) throw_errno(-result, kStep, "seccomp_rule_add", rule.name);
  };
  const auto& arguments = rule.arguments;
  if (!has_repeated_index(arguments)) return add(static_cast<unsigned>(arguments.size()), arguments.data());
  // Several conditions on one argument: libseccomp takes one per rule, and several rules are alternatives.
  for (const scmp_arg_cmp& argument : arguments) add(1, &argument);
}

std::vector<std::uint64_t> exported(scmp_filter_ctx context) {
  const UniqueFd memory(memfd_create("seccomp", MFD_CLOEXEC));
  if (!memory) throw_errno(kStep, "memfd_create");
  const int result = seccomp_export_bpf(context, memory.get());
  if (result != 0) throw_errno(-result, kStep, "seccomp_export_bpf");
  struct stat found;
  if (fstat(memory.get(), &found) != 0) throw_errno(kStep, "fstat");
  std::vector<std::uint64_t> program(static_cast<size_t>(found.st_size) / sizeof(std::uint64_t));
  if (pread(memory.get(), program.data(), static_cast<size_t>(found.st_size), 0) != found.st_size)
    throw_errno(kStep, "pread");
  return program;
}

Context Compiler::new_context() const {
  Context context(seccomp_init(default_action_), seccomp_release);
  if (!context) throw_errno(EINVAL, kStep, "seccomp_init");
  // The process decides no-new-privileges, not the filter; a binary search tree is the fastest to pass through.
  seccomp_attr_set(context.get(), SCMP_FLTATR_CTL_NNP, 0);
  seccomp_attr_set(context.get(), SCMP_FLTATR_CTL_OPTIMIZE, 2);
  for (const std::uint32_t architecture : architectures_) {
    const int result = seccomp_arch_add(context.get(), architecture);
    if (result != 0 && result != -EEXIST) throw_errno(-result, kStep, "seccomp_arch_add");
  }
  return context;
}

std::vector<std::uint64_t> Compiler::program_of(const std::vector<Rule>& rules) const {
  const Context context = new_context();
  for (const Rule& rule : rules) add_to(context.get(), rule);
  return exported(context.get());
}

/// All rules of the system calls whose verdict hangs on their arguments somewhere.
std::vector<Rule> Compiler::rules_on_arguments() const {
  std::set<std::string> names(std::begin(kMultiplexed), std::end(kMultiplexed));
  for (const Rule& rule : rules_) {
    if (!rule.arguments.empty()) names.insert(rule.name);
  }
  std::vector<Rule> chosen;
  std::copy_if(rules_.begin(), rules_.end(), std::back_inserter(chosen),
               [&](const Rule& rule) { return names.count(rule.name) > 0; });
  return chosen;
}

SeccompProgram Compiler::compile() {
  SeccompProgram program;
  program.flags = seccomp_flags(reader_);
  default_action_ = seccomp_action(reader_, "defaultAction", "defaultErrnoRet");
  if (default_action_ == SCMP_ACT_NOTIFY) reader_.complain("defaultAction", "SCMP_ACT_NOTIFY cannot be the default");
  architectures_ = seccomp_architectures(reader_);
  // seccomp_init has put it in, named or not.
  const std::uint32_t native = seccomp_arch_native();
  if (std::find(architectures_.begin(), architectures_.end(), native) == architectures_.end()) {
    architectures_.push_back(native);
  }
  prologue_.refuses_unknown = !is_permissive(default_action_) && default_action_ != SCMP_ACT_ERRNO(ENOSYS);
  add_rules();
  plan_listener(program);
  std::vector<std::uint64_t> whole = seccomp_prologue(prologue_);
  const std::vector<std::uint64_t> compiled = program_of(rules_);
  whole.insert(whole.end(), compiled.begin(), compiled.end());
  std::vector<std::uint32_t> folding = architectures_;
  // It shares the kernel's name of x86_64.
  folding.erase(std::remove(folding.begin(), folding.end(), static_cast<std::uint32_t>(SCMP_ARCH_X32)), folding.end());
  program.instructions = fold_seccomp(whole, program_of(rules_on_arguments()), folding);
  return program;
}

}  // namespace

SeccompProgram compile_seccomp(const std::string& profile) {
  const nlohmann::json value = oci::parse_object(profile, "linux.seccomp");
  const Reader reader(value, "linux.seccomp");
  return Compiler(reader).compile();
}

}  // namespace tsc
