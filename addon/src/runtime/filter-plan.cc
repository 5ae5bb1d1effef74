// The seccomp part of a plan: see the header.
#include "runtime/filter-plan.h"

#include <string.h>

#include <nlohmann/json.hpp>

namespace tsc {
namespace {

using nlohmann::json;

std::string to_text(const json& value) { return value.dump(-1, ' ', false, json::error_handler_t::replace); }

/// runtime-spec config-linux.md, "The Container Process State", in pieces: between two of them stands the pid of the
/// process that loads the filter, which nobody knows yet. For init it is the container's pid as well.
std::vector<std::string> state_pieces(const SeccompProgram& program, const ContainerRecord& record) {
  const bool is_init = record.process.pid == 0;
  const std::string version = to_text(record.oci_version);
  const std::string head = "{\"ociVersion\":" + version + ",\"fds\":[\"seccompFd\"],\"pid\":";
  std::string state = ",\"metadata\":" + to_text(program.listener_metadata) + ",\"state\":{\"ociVersion\":" + version +
                      ",\"id\":" + to_text(record.id) + ",\"status\":\"" + (is_init ? "creating" : "running") +
                      "\",\"bundle\":" + to_text(record.bundle);
  if (!record.annotations.empty()) state += ",\"annotations\":" + to_text(record.annotations);
  state += ",\"pid\":";
  if (is_init) return {head, state, "}}"};
  return {head, state + std::to_string(record.process.pid) + "}}"};
}

}  // namespace

void plan_filter(PlanArena& arena, const SeccompProgram& program, const ContainerRecord& record) {
  child::Process& planned = arena.plan().process;
  planned.seccomp_flags = program.flags;
  arena.resize(planned.seccomp, program.instructions.size());
  memcpy(planned.seccomp.items.get(), program.instructions.data(), program.instructions.size() * 8);
  if (!program.has_listener()) return;
  arena.set(planned.listener_path, program.listener_path);
  arena.set(planned.listener_state, state_pieces(program, record));
}

}  // namespace tsc
