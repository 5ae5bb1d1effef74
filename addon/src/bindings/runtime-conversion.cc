// Field by field: the names differ where C++ and TypeScript spell words differently.
#include "bindings/runtime-conversion.h"

#include "bindings/arguments.h"

namespace tsc {
namespace {

Napi::Number number(Napi::Env env, std::uint64_t value) { return Napi::Number::New(env, static_cast<double>(value)); }

ProcessIo to_process_io(const Napi::Object& object) {
  return {string_field(object, "stdin"), string_field(object, "stdout"), string_field(object, "stderr"),
          boolean_field(object, "terminal")};
}

Napi::Object io_to_js(Napi::Env env, const ProcessIo& io) {
  Napi::Object object = Napi::Object::New(env);
  object.Set("stdin", io.std_in);
  object.Set("stdout", io.std_out);
  object.Set("stderr", io.std_err);
  object.Set("terminal", io.terminal);
  return object;
}

Napi::Array steps_to_js(Napi::Env env, const std::vector<RuntimeStep>& steps) {
  Napi::Array array = Napi::Array::New(env, steps.size());
  for (uint32_t i = 0; i < steps.size(); ++i) {
    Napi::Object step = Napi::Object::New(env);
    step.Set("name", steps[i].name);
    step.Set("beganNs", number(env, steps[i].began_ns));
    step.Set("endedNs", number(env, steps[i].ended_ns));
    array.Set(i, step);
  }
  return array;
}

template <typename Values>
Napi::Array numbers_to_js(Napi::Env env, const Values& values) {
  Napi::Array array = Napi::Array::New(env, values.size());
  for (uint32_t i = 0; i < values.size(); ++i) array.Set(i, number(env, static_cast<std::uint64_t>(values[i])));
  return array;
}

Napi::Array strings_to_js(Napi::Env env, const std::vector<std::string>& strings) {
  Napi::Array array = Napi::Array::New(env, strings.size());
  for (uint32_t i = 0; i < strings.size(); ++i) array.Set(i, strings[i]);
  return array;
}

Napi::Object cpu_to_js(Napi::Env env, const ContainerStats& stats) {
  Napi::Object cpu = Napi::Object::New(env);
  cpu.Set("usageNs", number(env, stats.cpu.usage_ns));
  cpu.Set("userNs", number(env, stats.cpu.user_ns));
  cpu.Set("systemNs", number(env, stats.cpu.system_ns));
  cpu.Set("throttledPeriods", number(env, stats.cpu.throttled_periods));
  cpu.Set("periods", number(env, stats.cpu.periods));
  cpu.Set("throttledNs", number(env, stats.cpu.throttled_ns));
  cpu.Set("perCpuNs", numbers_to_js(env, stats.cpu.per_cpu_ns));
  return cpu;
}

Napi::Object memory_to_js(Napi::Env env, const ContainerStats& stats) {
  Napi::Object memory = Napi::Object::New(env);
  memory.Set("usageBytes", number(env, stats.memory.usage_bytes));
  memory.Set("maxUsageBytes", number(env, stats.memory.max_usage_bytes));
  memory.Set("limitBytes", number(env, stats.memory.limit_bytes));
  memory.Set("failcnt", number(env, stats.memory.failcnt));
  memory.Set("swapUsageBytes", number(env, stats.memory.swap_usage_bytes));
  Napi::Object fields = Napi::Object::New(env);
  for (const auto& [name, value] : stats.memory.stat) fields.Set(name, number(env, value));
  memory.Set("stat", fields);
  return memory;
}

Napi::Array block_io_to_js(Napi::Env env, const std::vector<BlockIoEntry>& entries) {
  Napi::Array array = Napi::Array::New(env, entries.size());
  for (uint32_t i = 0; i < entries.size(); ++i) {
    Napi::Object entry = Napi::Object::New(env);
    entry.Set("op", entries[i].op);
    entry.Set("major", number(env, entries[i].major));
    entry.Set("minor", number(env, entries[i].minor));
    entry.Set("bytes", number(env, entries[i].bytes));
    entry.Set("operations", number(env, entries[i].operations));
    array.Set(i, entry);
  }
  return array;
}

}  // namespace

CreateRequest to_create_request(const Napi::Object& object) {
  CreateRequest request;
  request.id = string_field(object, "id");
  request.bundle = path_field(object, "bundle");
  request.io = to_process_io(object_field(object, "io"));
  for (const Napi::Object& mount : objects_field(object, "rootfs")) {
    request.rootfs.push_back({string_field(mount, "type"), string_field(mount, "source"), strings_field(mount, "options")});
  }
  request.no_pivot_root = boolean_field(object, "noPivotRoot");
  request.no_new_keyring = boolean_field(object, "noNewKeyring");
  request.systemd_cgroup = boolean_field(object, "systemdCgroup");
  return request;
}

ExecRequest to_exec_request(const Napi::Object& object) {
  return {string_field(object, "id"), string_field(object, "execId"), string_field(object, "process"),
          to_process_io(object_field(object, "io"))};
}

CriuOptions to_restore_options(const Napi::Object& object) {
  CriuOptions options;
  options.image_path = path_field(object, "imagePath");
  options.work_path = string_field(object, "workPath");
  // what the images may hold was decided by the checkpoint
  options.tcp_established = options.ext_unix_sk = options.file_locks = true;
  return options;
}

CheckpointOptions to_checkpoint_options(const Napi::Object& object) {
  CheckpointOptions options;
  options.image_path = path_field(object, "imagePath");
  options.work_path = string_field(object, "workPath");
  options.parent_path = string_field(object, "parentPath");
  options.cgroups_mode = string_field(object, "cgroupsMode");
  for (const std::string& name : strings_field(object, "emptyNamespaces")) leave_namespace_empty(options, name);
  options.leave_running = !boolean_field(object, "exit");
  options.tcp_established = boolean_field(object, "openTcp");
  options.ext_unix_sk = boolean_field(object, "externalUnixSockets");
  options.shell_job = boolean_field(object, "terminal");
  options.file_locks = boolean_field(object, "fileLocks");
  options.keeps_container = true;
  return options;
}

Napi::Object to_js(Napi::Env env, const CreatedProcess& created) {
  Napi::Object object = Napi::Object::New(env);
  object.Set("pid", created.pid);
  object.Set("monitorPid", created.monitor_pid);
  object.Set("steps", steps_to_js(env, created.steps));
  object.Set("warnings", strings_to_js(env, created.warnings));
  return object;
}

Napi::Object to_js(Napi::Env env, const StartedProcess& started) {
  Napi::Object object = Napi::Object::New(env);
  object.Set("steps", steps_to_js(env, started.steps));
  return object;
}

Napi::Object to_js(Napi::Env env, const ContainerState& state) {
  Napi::Object object = Napi::Object::New(env);
  object.Set("ociVersion", state.oci_version);
  object.Set("id", state.id);
  object.Set("status", state.status);
  object.Set("pid", state.pid);
  object.Set("bundle", state.bundle);
  Napi::Object annotations = Napi::Object::New(env);
  for (const auto& [name, value] : state.annotations) annotations.Set(name, value);
  object.Set("annotations", annotations);
  return object;
}

Napi::Object to_js(Napi::Env env, const ContainerStats& stats) {
  Napi::Object object = Napi::Object::New(env);
  object.Set("version", stats.version);
  object.Set("cpu", cpu_to_js(env, stats));
  object.Set("memory", memory_to_js(env, stats));
  Napi::Object pids = Napi::Object::New(env);
  pids.Set("current", number(env, stats.pids.current));
  pids.Set("limit", number(env, stats.pids.limit));
  object.Set("pids", pids);
  object.Set("blkio", block_io_to_js(env, stats.blkio));
  return object;
}

Napi::Object to_js(Napi::Env env, const ExitRecord& record) {
  Napi::Object object = Napi::Object::New(env);
  object.Set("id", record.id);
  object.Set("execId", record.exec_id);
  object.Set("pid", record.pid);
  object.Set("exitStatus", record.exit_status);
  object.Set("exitedAtNs", Napi::BigInt::New(env, record.exited_at_ns));
  if (record.monitor_lost) object.Set("monitorLost", true);
  return object;
}

Napi::Object to_js(Napi::Env env, const AdoptedProcess& adopted) {
  Napi::Object object = Napi::Object::New(env);
  object.Set("execId", adopted.exec_id);
  object.Set("pid", adopted.pid);
  object.Set("monitorPid", adopted.monitor_pid);
  object.Set("io", io_to_js(env, adopted.io));
  if (adopted.exit) object.Set("exit", to_js(env, *adopted.exit));
  return object;
}

Napi::Array to_js(Napi::Env env, const std::vector<pid_t>& pids) { return numbers_to_js(env, pids); }

Napi::Array to_js(Napi::Env env, const Warnings& warnings) { return strings_to_js(env, warnings); }

}  // namespace tsc
