// The process object of config.json, also the body of exec. runtime-spec config.md, "Process"
#include <algorithm>

#include "linux/capabilities.h"
#include "oci/config.h"
#include "oci/json-reader.h"
#include "oci/parts.h"

namespace tsc::oci {
namespace {

std::uint64_t parse_capability_set(const Reader& reader, const char* key, std::vector<std::string>& unknown) {
  std::uint64_t mask = 0;
  for (const std::string& name : reader.texts(key)) {
    // A name that this kernel or runtime does not know cannot be granted: by the specification not an error.
    const int number = capability_number(name);
    if (number >= 0) {
      mask |= std::uint64_t{1} << number;
    } else if (std::find(unknown.begin(), unknown.end(), name) == unknown.end()) {
      unknown.push_back(name);
    }
  }
  return mask;
}

void parse_user(const Reader& reader, Process& process) {
  process.uid = reader.natural32("uid");
  process.gid = reader.natural32("gid");
  if (reader.has("umask")) process.umask = reader.natural32("umask");
  const char* key = "additionalGids";
  if (!reader.has(key)) return;
  for (const auto& item : reader.at(key)) {
    if (!item.is_number_unsigned() || item.get<std::uint64_t>() > UINT32_MAX)
      reader.complain(key, "holds something that is not an id");
    process.additional_gids.push_back(item.get<std::uint32_t>());
  }
}

void parse_rlimits(const Reader& reader, Process& process) {
  reader.objects("rlimits", [&](const Reader& item) {
    Rlimit limit{item.text("type"), item.natural("soft"), item.natural("hard")};
    for (const Rlimit& other : process.rlimits) {
      if (other.type == limit.type) item.complain("type", limit.type + " is given twice");
    }
    process.rlimits.push_back(limit);
  });
}

}  // namespace

Process read_process(const Reader& reader) {
  Process process;
  process.terminal = reader.boolean("terminal");
  reader.object("consoleSize", [&](const Reader& item) {
    process.console_rows = static_cast<std::uint16_t>(item.natural("height"));
    process.console_columns = static_cast<std::uint16_t>(item.natural("width"));
  });
  process.cwd = reader.text("cwd");
  if (process.cwd.empty() || process.cwd[0] != '/') reader.complain("cwd", "not an absolute path");
  process.env = reader.texts("env");
  process.args = reader.texts("args");
  if (process.args.empty()) reader.complain("args", "no command");
  reader.object("user", [&](const Reader& item) { parse_user(item, process); });
  parse_rlimits(reader, process);
  reader.object("capabilities", [&](const Reader& item) {
    const auto set = [&](const char* key) { return parse_capability_set(item, key, process.unknown_capabilities); };
    process.capabilities = {set("bounding"), set("effective"), set("inheritable"), set("permitted"), set("ambient")};
  });
  process.no_new_privileges = reader.boolean("noNewPrivileges");
  if (reader.has("oomScoreAdj")) process.oom_score_adj = static_cast<int>(reader.integer("oomScoreAdj"));
  process.apparmor_profile = reader.text("apparmorProfile");
  process.selinux_label = reader.text("selinuxLabel");
  read_scheduling(reader, process);
  return process;
}

Process parse_process(const std::string& text) {
  const nlohmann::json value = parse_object(text, "process");
  return read_process(Reader(value, "process"));
}

}  // namespace tsc::oci
