// The hooks of config.json: see the header.
#include "runtime/hooks.h"

#include <unistd.h>

#include <nlohmann/json.hpp>

#include "child/hooks.h"
#include "linux/error.h"
#include "runtime/report.h"

namespace tsc {
namespace {

using Environment = std::vector<std::string>;

/// What the runtime itself was given: that is what a hook without `env` gets from runc and crun.
Environment own_environment() {
  Environment result;
  for (char** variable = environ; variable != nullptr && *variable != nullptr; ++variable) result.push_back(*variable);
  return result;
}

void plan_list(PlanArena& arena, child::List<child::Hook>& list, const std::vector<oci::Hook>& hooks,
               const Environment& fallback) {
  arena.resize(list, hooks.size());
  for (size_t index = 0; index < hooks.size(); ++index) {
    const oci::Hook& hook = hooks[index];
    child::Hook& planned = list[index];
    arena.set(planned.path, hook.path);
    arena.set(planned.arguments, hook.args);
    arena.set(planned.environment, hook.env ? *hook.env : fallback);
    planned.vector_space.set(arena.allocate<char*>(planned.arguments.count + planned.environment.count + 2));
    planned.timeout_s = hook.timeout_s;
  }
}

std::string dump(const nlohmann::json& value) {
  return value.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

/// Status and pid stand between the two texts: they are known only when a hook runs.
void plan_state(PlanArena& arena, const ContainerRecord& record) {
  child::HookState& state = arena.plan().hook_state;
  std::string head = dump({{"ociVersion", record.oci_version}, {"id", record.id}});
  head.back() = ',';
  nlohmann::json rest = {{"bundle", record.bundle}};
  if (!record.annotations.empty()) rest["annotations"] = record.annotations;
  std::string tail = dump(rest);
  tail.front() = ',';
  arena.set(state.head, head + "\"status\":\"");
  arena.set(state.tail, tail);
  arena.set(arena.plan().bundle, record.bundle);
}

/// One list in a plan of its own, for what is run outside of create.
class HookRun {
 public:
  HookRun(const ContainerRecord& record, std::vector<oci::Hook> oci::Hooks::*list)
      : arena_(PlanArena::Storage::anonymous) {
    const oci::Hooks hooks = oci::parse_hooks(record.hooks);
    plan_state(arena_, record);
    plan_list(arena_, arena_.plan().prestart, hooks.*list, own_environment());
    context_.plan = &arena_.plan();
    context_.sync_fd = -1;
  }

  /// Runs the hooks; `on_failure` is told of each that fails and says, by throwing, whether to stop.
  template <class OnFailure>
  void run(child::Step step, const char* status, pid_t pid, OnFailure on_failure) {
    const child::Plan& plan = arena_.plan();
    for (const child::Hook& hook : plan.prestart) {
      context_.report = {};
      child::begin_step(context_, step);
      if (!child::run_hook(context_, hook, status, pid, plan.bundle.get())) {
        on_failure(to_error(context_.report, nullptr));
      }
    }
  }

 private:
  PlanArena arena_;
  child::Context context_ = {};
};

}  // namespace

void plan_hooks(PlanArena& arena, const oci::Config& config, const ContainerRecord& record) {
  const oci::Hooks& hooks = config.hooks;
  child::Plan& plan = arena.plan();
  const bool has_runtime_hooks = !hooks.prestart.empty() || !hooks.create_runtime.empty();
  const bool has_container_hooks = !hooks.create_container.empty() || !hooks.start_container.empty();
  if (!has_runtime_hooks && !has_container_hooks) return;
  plan_state(arena, record);
  const Environment own = own_environment();
  plan_list(arena, plan.prestart, hooks.prestart, own);
  plan_list(arena, plan.create_runtime, hooks.create_runtime, own);
  plan_list(arena, plan.create_container, hooks.create_container, config.process.env);
  plan_list(arena, plan.start_container, hooks.start_container, config.process.env);
  if (has_runtime_hooks || !hooks.create_container.empty()) arena.set(plan.rootfs_place, record.rootfs);
}

void run_create_hooks(const ContainerRecord& record, const oci::Config& config, pid_t pid) {
  if (config.hooks_text.empty()) return;
  ContainerRecord with_hooks = record;
  with_hooks.hooks = config.hooks_text;
  const auto fail = [](const RuntimeError& error) { throw error; };
  HookRun(with_hooks, &oci::Hooks::prestart).run(child::Step::prestart_hook, "creating", pid, fail);
  HookRun(with_hooks, &oci::Hooks::create_runtime).run(child::Step::create_runtime_hook, "creating", pid, fail);
}

void run_poststart_hooks(const ContainerRecord& record) {
  HookRun(record, &oci::Hooks::poststart)
      .run(child::Step::poststart_hook, "running", record.process.pid, [](const RuntimeError& error) { throw error; });
}

Warnings run_poststop_hooks(const ContainerRecord& record) noexcept {
  Warnings warnings;
  try {
    HookRun(record, &oci::Hooks::poststop)
        .run(child::Step::poststop_hook, "stopped", 0,
             [&warnings](const RuntimeError& error) { warnings.push_back(error.what()); });
  } catch (const RuntimeError& error) {
    warnings.push_back(error.what());
  }
  return warnings;
}

}  // namespace tsc
