// Device rules as BPF: see the header. bpf(2)
#include "linux/device-filter.h"

#include <fcntl.h>
#include <linux/bpf.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "linux/error.h"
#include "linux/file.h"

namespace tsc {
namespace {

constexpr const char* kStep = "filter devices";
constexpr unsigned kMaxPrograms = 64;

// Registers of the program: its context's three fields, and the result.
constexpr int kResult = BPF_REG_0, kContext = BPF_REG_1, kType = BPF_REG_2, kAccess = BPF_REG_3, kMajor = BPF_REG_4,
              kMinor = BPF_REG_5;

bpf_insn instruction(int code, int destination, int source, int offset, int immediate) {
  bpf_insn result = {};
  result.code = static_cast<__u8>(code);
  result.dst_reg = static_cast<__u8>(destination & 15);
  result.src_reg = static_cast<__u8>(source & 15);
  result.off = static_cast<__s16>(offset);
  result.imm = immediate;
  return result;
}

void load_word(std::vector<bpf_insn>& program, int destination, size_t offset) {
  program.push_back(instruction(BPF_LDX | BPF_W | BPF_MEM, destination, kContext, static_cast<int>(offset), 0));
}

/// The context holds the type in the low half of a word and the wanted access in the high half.
void add_prologue(std::vector<bpf_insn>& program) {
  load_word(program, kType, offsetof(bpf_cgroup_dev_ctx, access_type));
  program.push_back(instruction(BPF_ALU | BPF_AND | BPF_K, kType, 0, 0, 0xffff));
  load_word(program, kAccess, offsetof(bpf_cgroup_dev_ctx, access_type));
  program.push_back(instruction(BPF_ALU | BPF_RSH | BPF_K, kAccess, 0, 0, 16));
  load_word(program, kMajor, offsetof(bpf_cgroup_dev_ctx, major));
  load_word(program, kMinor, offsetof(bpf_cgroup_dev_ctx, minor));
}

int access_mask(const std::string& access) {
  int mask = 0;
  for (const char letter : access) {
    if (letter == 'r') mask |= BPF_DEVCG_ACC_READ;
    if (letter == 'w') mask |= BPF_DEVCG_ACC_WRITE;
    if (letter == 'm') mask |= BPF_DEVCG_ACC_MKNOD;
  }
  return mask;
}

void add_return(std::vector<bpf_insn>& program, bool is_allowed) {
  program.push_back(instruction(BPF_ALU64 | BPF_MOV | BPF_K, kResult, 0, 0, is_allowed ? 1 : 0));
  program.push_back(instruction(BPF_JMP | BPF_EXIT, 0, 0, 0, 0));
}

/// One rule: conditions that jump over its verdict when they do not hold.
void add_rule(std::vector<bpf_insn>& program, const oci::DeviceRule& rule) {
  std::vector<bpf_insn> conditions;
  if (rule.type != 'a') {
    const int type = rule.type == 'b' ? BPF_DEVCG_DEV_BLOCK : BPF_DEVCG_DEV_CHAR;
    conditions.push_back(instruction(BPF_JMP | BPF_JNE | BPF_K, kType, 0, 0, type));
  }
  const int mask = access_mask(rule.access);
  if (mask != 7) {
    // An allowing rule must cover all that is asked for; a denying one only some of it.
    conditions.push_back(instruction(BPF_ALU | BPF_MOV | BPF_X, kContext, kAccess, 0, 0));
    conditions.push_back(instruction(BPF_ALU | BPF_AND | BPF_K, kContext, 0, 0, mask));
    conditions.push_back(rule.allow ? instruction(BPF_JMP | BPF_JNE | BPF_X, kContext, kAccess, 0, 0)
                                    : instruction(BPF_JMP | BPF_JEQ | BPF_K, kContext, 0, 0, 0));
  }
  if (rule.major >= 0)
    conditions.push_back(instruction(BPF_JMP | BPF_JNE | BPF_K, kMajor, 0, 0, static_cast<int>(rule.major)));
  if (rule.minor >= 0)
    conditions.push_back(instruction(BPF_JMP | BPF_JNE | BPF_K, kMinor, 0, 0, static_cast<int>(rule.minor)));
  const size_t count = conditions.size();
  for (size_t index = 0; index < count; ++index) {
    bpf_insn& condition = conditions[index];
    if (BPF_CLASS(condition.code) == BPF_JMP) condition.off = static_cast<__s16>(count - index - 1 + 2);
    program.push_back(condition);
  }
  add_return(program, rule.allow);
}

/// On v1 type "a" means every device, whatever else the rule says.
bool matches_everything(const oci::DeviceRule& rule) { return rule.type == 'a'; }

bool is_same_device(const oci::DeviceRule& one, const oci::DeviceRule& other) {
  return one.type == other.type && one.major == other.major && one.minor == other.minor;
}

/// On v1 two allowing rules for one device add up: reading by one and writing by the other allow both at once. So what
/// an earlier rule allowed the same device counts too, unless something was denied in between.
oci::DeviceRule with_earlier(const std::vector<oci::DeviceRule>& rules, size_t index) {
  oci::DeviceRule rule = rules[index];
  while (rule.allow && index > 0 && rules[index - 1].allow && rules[index - 1].type != 'a') {
    --index;
    if (is_same_device(rules[index], rule)) rule.access += rules[index].access;
  }
  return rule;
}

/// First match returns, so the rules go in from the last; a rule for all devices ends the list.
std::vector<bpf_insn> assemble(const std::vector<oci::DeviceRule>& rules) {
  std::vector<bpf_insn> program;
  add_prologue(program);
  bool default_verdict = true;
  for (size_t index = rules.size(); index-- > 0;) {
    if (matches_everything(rules[index])) {
      default_verdict = rules[index].allow;
      break;
    }
    add_rule(program, with_earlier(rules, index));
  }
  add_return(program, default_verdict);
  return program;
}

/// The kernel's union with room behind it: some kernels write past the size they were given.
struct Attributes {
  bpf_attr value;
  char room[256];
};

long call_bpf(int command, Attributes& attributes) {
  return syscall(SYS_bpf, command, &attributes.value, sizeof attributes.value);
}

UniqueFd load_program(const std::vector<bpf_insn>& program) {
  Attributes attributes;
  memset(&attributes, 0, sizeof attributes);
  attributes.value.prog_type = BPF_PROG_TYPE_CGROUP_DEVICE;
  attributes.value.insns = reinterpret_cast<__u64>(program.data());
  attributes.value.insn_cnt = static_cast<__u32>(program.size());
  attributes.value.license = reinterpret_cast<__u64>("Apache-2.0");
  UniqueFd fd(static_cast<int>(call_bpf(BPF_PROG_LOAD, attributes)));
  if (!fd) throw_errno(kStep, "bpf", "BPF_PROG_LOAD");
  return fd;
}

std::vector<__u32> query_programs(int cgroup_fd) {
  std::vector<__u32> ids(kMaxPrograms);
  Attributes attributes;
  memset(&attributes, 0, sizeof attributes);
  attributes.value.query.target_fd = static_cast<__u32>(cgroup_fd);
  attributes.value.query.attach_type = BPF_CGROUP_DEVICE;
  attributes.value.query.prog_ids = reinterpret_cast<__u64>(ids.data());
  attributes.value.query.prog_cnt = kMaxPrograms;
  if (call_bpf(BPF_PROG_QUERY, attributes) != 0) return {};
  ids.resize(attributes.value.query.prog_cnt);
  return ids;
}

void detach(int cgroup_fd, __u32 id) {
  Attributes attributes;
  memset(&attributes, 0, sizeof attributes);
  attributes.value.prog_id = id;
  const UniqueFd program(static_cast<int>(call_bpf(BPF_PROG_GET_FD_BY_ID, attributes)));
  if (!program) return;
  memset(&attributes, 0, sizeof attributes);
  attributes.value.target_fd = static_cast<__u32>(cgroup_fd);
  attributes.value.attach_bpf_fd = static_cast<__u32>(program.get());
  attributes.value.attach_type = BPF_CGROUP_DEVICE;
  if (call_bpf(BPF_PROG_DETACH, attributes) != 0) throw_errno(kStep, "bpf", "BPF_PROG_DETACH");
}

}  // namespace

void attach_device_filter(const std::string& cgroup_path, const std::vector<oci::DeviceRule>& rules) {
  const UniqueFd cgroup = open_file(kStep, cgroup_path, O_RDONLY | O_DIRECTORY);
  const UniqueFd program = load_program(assemble(rules));
  const std::vector<__u32> older = query_programs(cgroup.get());
  Attributes attributes;
  memset(&attributes, 0, sizeof attributes);
  attributes.value.target_fd = static_cast<__u32>(cgroup.get());
  attributes.value.attach_bpf_fd = static_cast<__u32>(program.get());
  attributes.value.attach_type = BPF_CGROUP_DEVICE;
  attributes.value.attach_flags = BPF_F_ALLOW_MULTI;
  if (call_bpf(BPF_PROG_ATTACH, attributes) != 0) throw_errno(kStep, "bpf", "BPF_PROG_ATTACH");
  // All attached programs must agree, so a looser new rule counts only once the older program is gone.
  for (const __u32 id : older) detach(cgroup.get(), id);
}

}  // namespace tsc
