// The commands of tsrunc; each takes the words after its name and gives the exit status. They throw RuntimeError.
#pragma once

#include <string>
#include <vector>

#include "runtime/runtime.h"

namespace tsc::cli {

using Words = std::vector<std::string>;

struct Globals {
  RuntimeConfig config;
  bool is_systemd_cgroup = false;
  bool is_rootless = false;
  bool is_debug = false;
  std::string log_path;  // "" is stderr
  bool is_log_json = false;
  std::string criu = "criu";
};

int run_create(const Globals& globals, const Words& words);
int run_run(const Globals& globals, const Words& words);
int run_start(const Globals& globals, const Words& words);
int run_exec(const Globals& globals, const Words& words);
int run_state(const Globals& globals, const Words& words);
int run_kill(const Globals& globals, const Words& words);
int run_delete(const Globals& globals, const Words& words);
int run_list(const Globals& globals, const Words& words);
int run_ps(const Globals& globals, const Words& words);
int run_pause(const Globals& globals, const Words& words);
int run_resume(const Globals& globals, const Words& words);
int run_update(const Globals& globals, const Words& words);
int run_events(const Globals& globals, const Words& words);
int run_spec(const Globals& globals, const Words& words);
int run_features(const Globals& globals, const Words& words);
int run_checkpoint(const Globals& globals, const Words& words);
int run_restore(const Globals& globals, const Words& words);
int run_unshare(const Words& words);
/// For the shim only; see supervise-command.cc.
int run_supervise(const Words& words);

/// "debug", "warning", "error" lines, to stderr or the log file, as text or JSON like runc's.
void log_line(const Globals& globals, const char* level, const std::string& message);
void log_warnings(const Globals& globals, const Warnings& warnings);
/// For create, run and exec: without a log file stderr is the container's own unless that has a terminal, and its log
/// (conmon's, say) would get them; so only where they were asked for.
void log_launch_warnings(const Globals& globals, const Warnings& warnings, bool has_terminal);
/// What was done and how long it took, under the headings that runc's debug log has; `last` ends it.
void log_steps(const Globals& globals, const std::vector<RuntimeStep>& steps, const char* last);

/// The help of one command; false when there is none of that name.
bool print_help(const std::string& command);
void print_global_help();
/// Whether -h is among a command's options.
bool asks_for_help(const std::string& command, const Words& words);

/// 127, 126 or 1.
int exit_status_of(const RuntimeError& error);

}  // namespace tsc::cli
