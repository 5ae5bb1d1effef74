// The process part of a plan: see the header.
#include "runtime/process-plan.h"

#include <linux/capability.h>
#include <sys/resource.h>

#include <algorithm>
#include <cstdlib>
#include <unordered_set>

#include "linux/capabilities.h"
#include "linux/error.h"
#include "linux/file.h"
#include "linux/user-namespace.h"

namespace tsc {
namespace {

struct LimitName {
  const char* name;
  int number;
};

constexpr LimitName kLimits[] = {
    {"RLIMIT_CPU", RLIMIT_CPU},           {"RLIMIT_FSIZE", RLIMIT_FSIZE},
    {"RLIMIT_DATA", RLIMIT_DATA},         {"RLIMIT_STACK", RLIMIT_STACK},
    {"RLIMIT_CORE", RLIMIT_CORE},         {"RLIMIT_RSS", RLIMIT_RSS},
    {"RLIMIT_NPROC", RLIMIT_NPROC},       {"RLIMIT_NOFILE", RLIMIT_NOFILE},
    {"RLIMIT_MEMLOCK", RLIMIT_MEMLOCK},   {"RLIMIT_AS", RLIMIT_AS},
    {"RLIMIT_LOCKS", RLIMIT_LOCKS},       {"RLIMIT_SIGPENDING", RLIMIT_SIGPENDING},
    {"RLIMIT_MSGQUEUE", RLIMIT_MSGQUEUE}, {"RLIMIT_NICE", RLIMIT_NICE},
    {"RLIMIT_RTPRIO", RLIMIT_RTPRIO},     {"RLIMIT_RTTIME", RLIMIT_RTTIME},
};

int limit_number(const std::string& name) {
  for (const LimitName& limit : kLimits) {
    if (name == limit.name) return limit.number;
  }
  throw_invalid("parse config", "process.rlimits: unknown limit " + name);
}

/// Raising a hard limit needs CAP_SYS_RESOURCE (in the host's user namespace); without it our own is the most.
void plan_rlimits(PlanArena& arena, const std::vector<oci::Rlimit>& limits, Warnings& warnings) {
  auto& list = arena.plan().process.rlimits;
  arena.resize(list, limits.size());
  const bool may_raise = has_capability(CAP_SYS_RESOURCE) && !is_in_user_namespace();
  std::uint64_t index = 0;
  for (const oci::Rlimit& wanted : limits) {
    child::Rlimit& limit = list[index++];
    limit.resource = static_cast<std::uint32_t>(limit_number(wanted.type));
    limit.soft = wanted.soft;
    limit.hard = wanted.hard;
    struct rlimit own;
    if (may_raise || getrlimit(static_cast<__rlimit_resource>(limit.resource), &own) != 0 || limit.hard <= own.rlim_max)
      continue;
    limit.hard = own.rlim_max;
    if (limit.soft > limit.hard) limit.soft = limit.hard;
    warnings.push_back(wanted.type + ": the hard limit stays at " + std::to_string(own.rlim_max) +
                       ", raising it needs CAP_SYS_RESOURCE");
  }
}

std::string names_of(std::uint64_t mask) {
  std::string text;
  for (int number = 0; number < kCapabilityCount; ++number) {
    if ((mask >> number & 1) != 0) text += (text.empty() ? "" : " ") + std::string(capability_name(number));
  }
  return text;
}

void plan_capabilities(PlanArena& arena, const oci::Process& process, bool has_user_namespace, Warnings& warnings) {
  const oci::Capabilities& wanted = process.capabilities;
  // A new user namespace begins with every capability there is.
  const std::uint64_t granted = has_user_namespace ? ~std::uint64_t{0} : bounding_capabilities();
  child::Capabilities& planned = arena.plan().process.capabilities;
  planned.bounding = wanted.bounding & granted;
  planned.permitted = wanted.permitted & granted;
  planned.effective = wanted.effective & planned.permitted;
  planned.inheritable = wanted.inheritable & granted;
  planned.ambient = wanted.ambient & planned.permitted & planned.inheritable;
  if (!process.unknown_capabilities.empty()) {
    std::string names;
    for (const std::string& name : process.unknown_capabilities) names += (names.empty() ? "" : " ") + name;
    warnings.push_back("unknown capabilities, which cannot be granted: " + names);
  }
  const std::uint64_t refused = (wanted.bounding | wanted.permitted | wanted.inheritable) & ~granted;
  if (refused != 0) warnings.push_back("capabilities that cannot be granted here: " + names_of(refused));
  if ((wanted.ambient & ~planned.ambient) != 0) {
    warnings.push_back("ambient capabilities that are not permitted and inheritable: " +
                       names_of(wanted.ambient & ~planned.ambient));
  }
}

void plan_oom_score(PlanArena& arena, const oci::Process& process) {
  if (!process.oom_score_adj) return;
  std::string present;
  const int wanted = *process.oom_score_adj;
  if (wanted < -1000 || wanted > 1000) throw_invalid("parse config", "process.oomScoreAdj: not within -1000..1000");
  const int own = try_read_file("/proc/self/oom_score_adj", present) ? std::atoi(present.c_str()) : 0;
  if (wanted == own) return;
  arena.plan().process.has_oom_score = true;
  arena.plan().process.oom_score = wanted;
}

void plan_label(PlanArena& arena, const oci::Process& process) {
  child::Process& planned = arena.plan().process;
  const std::string& profile = process.apparmor_profile;
  if (!profile.empty() && profile != "unconfined") {
    std::string enabled;
    if (!try_read_file("/sys/module/apparmor/parameters/enabled", enabled) || enabled[0] != 'Y') {
      throw_invalid("parse config", "process.apparmorProfile: AppArmor is not enabled on this machine");
    }
    const bool has_own_directory = path_exists("/proc/thread-self/attr/apparmor/exec");
    arena.set(planned.lsm_attribute, has_own_directory ? "thread-self/attr/apparmor/exec" : "thread-self/attr/exec");
    arena.set(planned.lsm_label, "exec " + profile);
  }
  if (process.selinux_label.empty()) return;
  // With AppArmor's profile beside it, too: the kernel takes at most one of the two modules.
  if (!path_exists("/sys/fs/selinux/enforce")) {
    throw_invalid("parse config", "process.selinuxLabel: SELinux is not enabled on this machine");
  }
  arena.set(planned.lsm_attribute, "thread-self/attr/exec");
  arena.set(planned.lsm_label, process.selinux_label);
}

/// Of a variable that is given several times the last counts, where getenv(3) would find the first; an empty HOME goes,
/// as it is made up for.
std::vector<std::string> without_repeats(const std::vector<std::string>& environment) {
  std::vector<std::string> kept;
  std::unordered_set<std::string_view> seen;
  kept.reserve(environment.size());
  for (auto variable = environment.rbegin(); variable != environment.rend(); ++variable) {
    const std::string_view name = std::string_view(*variable).substr(0, variable->find('='));
    if (seen.insert(name).second && *variable != "HOME=") kept.push_back(*variable);
  }
  std::reverse(kept.begin(), kept.end());
  return kept;
}

void plan_command(PlanArena& arena, const oci::Process& process) {
  child::Process& planned = arena.plan().process;
  arena.set(planned.arguments, process.args);
  const std::vector<std::string> environment = without_repeats(process.env);
  arena.set(planned.environment, environment);
  planned.vector_space.set(arena.allocate<char*>(process.args.size() + environment.size() + 3));
  planned.path_space.set(arena.allocate<char>(child::kPathSpace));
  bool has_home = false;
  for (const std::string& variable : environment) {
    if (variable.rfind("PATH=", 0) == 0) arena.set(planned.path_variable, variable.substr(5));
    has_home = has_home || (variable.rfind("HOME=", 0) == 0 && variable.size() > 5);
  }
  if (!has_home) planned.home_space.set(arena.allocate<char>(child::kHomeSpace));
  arena.set(planned.cwd, process.cwd);
}

void set_mask(PlanArena& arena, child::List<std::uint64_t>& list, const oci::NumberMask& mask) {
  arena.resize(list, mask.size());
  for (size_t index = 0; index < mask.size(); ++index) list[index] = mask[index];
}

void plan_scheduling(PlanArena& arena, const oci::Process& process, const ContainerTraits& traits) {
  child::Process& planned = arena.plan().process;
  if (process.scheduler) {
    const oci::Scheduler& wanted = *process.scheduler;
    planned.has_scheduler = true;
    planned.scheduler = {sizeof planned.scheduler, wanted.policy, wanted.flags, wanted.nice, wanted.priority,
                         wanted.runtime, wanted.deadline, wanted.period, 0, 0};
  }
  planned.has_io_priority = process.io_priority.has_value();
  planned.io_priority = process.io_priority.value_or(0);
  if (traits.memory_policy) {
    planned.has_memory_policy = true;
    planned.memory_mode = traits.memory_policy->mode;
    set_mask(arena, planned.memory_nodes, traits.memory_policy->nodes);
  }
  planned.has_personality = traits.personality.has_value();
  planned.personality = traits.personality.value_or(0);
  // By the specification the affinity is that of exec'd processes, not of init.
  if (arena.plan().kind != child::Kind::exec) return;
  set_mask(arena, planned.initial_cpus, process.initial_cpus);
  set_mask(arena, planned.final_cpus, process.final_cpus);
}

/// A user namespace takes away what raising a limit or a priority needs; the stage, outside, has it still.
void plan_tuning(PlanArena& arena, const ProcessContext& context) {
  child::Plan& plan = arena.plan();
  const child::Process& process = plan.process;
  plan.is_tuned_by_stage = context.has_user_namespace &&
                           (process.rlimits.count > 0 || process.has_scheduler || process.has_io_priority);
  plan.waits_release = plan.waits_release || plan.is_tuned_by_stage;
}

void plan_user(PlanArena& arena, const oci::Process& process, const ProcessContext& context) {
  child::Process& planned = arena.plan().process;
  planned.uid = process.uid;
  planned.gid = process.gid;
  planned.host_uid = to_host_id(context.uid_mappings, process.uid);
  planned.has_umask = process.umask.has_value();
  planned.umask = process.umask.value_or(0);
  arena.resize(planned.additional_gids, process.additional_gids.size());
  for (size_t index = 0; index < process.additional_gids.size(); ++index) {
    planned.additional_gids[index] = process.additional_gids[index];
  }
}

}  // namespace

std::uint32_t to_host_id(const std::vector<oci::IdMapping>& mappings, std::uint32_t id) {
  for (const oci::IdMapping& mapping : mappings) {
    if (id >= mapping.container_id && id - mapping.container_id < mapping.size)
      return mapping.host_id + (id - mapping.container_id);
  }
  return id;
}

void plan_process(PlanArena& arena, const oci::Process& process, const ProcessContext& context,
                  Warnings& warnings) {
  child::Process& planned = arena.plan().process;
  plan_command(arena, process);
  plan_user(arena, process, context);
  plan_rlimits(arena, process.rlimits.empty() ? context.traits.rlimits : process.rlimits, warnings);
  plan_capabilities(arena, process, context.has_user_namespace, warnings);
  plan_oom_score(arena, process);
  plan_label(arena, process);
  plan_scheduling(arena, process, context.traits);
  plan_tuning(arena, context);
  planned.is_terminal = process.terminal;
  planned.console_rows = process.console_rows;
  planned.console_columns = process.console_columns;
  planned.has_no_new_privileges = process.no_new_privileges;
  if (!context.no_new_keyring) arena.set(planned.keyring, "_ses." + context.id);
}

}  // namespace tsc
