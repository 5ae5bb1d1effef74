// Messages of the command, in the two formats that runc's callers read.
#include <fcntl.h>
#include <stdio.h>
#include <time.h>

#include <nlohmann/json.hpp>

#include "cli/commands.h"
#include "linux/file.h"

namespace tsc::cli {
namespace {

std::string now_text() {
  const time_t now = time(nullptr);
  tm parts;
  gmtime_r(&now, &parts);
  char text[40];
  strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts);
  return text;
}

std::string format(const Globals& globals, const char* level, const std::string& message) {
  const nlohmann::json quoted = message;
  if (globals.is_log_json) {
    const nlohmann::json line = {{"level", level}, {"msg", message}, {"time", now_text()}};
    return line.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
  }
  return "time=\"" + now_text() + "\" level=" + level +
         " msg=" + quoted.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

}  // namespace

void log_line(const Globals& globals, const char* level, const std::string& message) {
  if (!globals.log_path.empty()) {
    const UniqueFd fd = try_open_file(globals.log_path, O_WRONLY | O_APPEND | O_CREAT, 0644);
    const std::string line = format(globals, level, message);
    if (fd && write(fd.get(), line.data(), line.size()) == static_cast<ssize_t>(line.size())) return;
  }
  fprintf(stderr, "%s", format(globals, level, message).c_str());
}

void log_warnings(const Globals& globals, const Warnings& warnings) {
  for (const std::string& warning : warnings) log_line(globals, "warning", warning);
}

void log_launch_warnings(const Globals& globals, const Warnings& warnings, bool has_terminal) {
  if (has_terminal || !globals.log_path.empty() || globals.is_debug) log_warnings(globals, warnings);
}

void log_steps(const Globals& globals, const std::vector<RuntimeStep>& steps, const char* last) {
  log_line(globals, "debug", "nsexec container setup");
  for (const RuntimeStep& step : steps) {
    log_line(globals, "debug", step.name + ": " + std::to_string((step.ended_ns - step.began_ns) / 1000) + " us");
    if (step.name == "clone") log_line(globals, "debug", "child process in init()");
  }
  log_line(globals, "debug", last);
}

int exit_status_of(const RuntimeError& error) {
  if (error.reason == Reason::executable_not_found) return 127;
  return error.reason == Reason::not_executable ? 126 : 1;
}

}  // namespace tsc::cli
