// The embedded image's commands, each a function from its arguments to its exit status; main.cc and shell.cc call them.
#pragma once

#include <string>
#include <vector>

namespace whoami {

using Arguments = std::vector<std::string>;  // the command's name is the first
using Builtin = int (*)(const Arguments&);

/** The builtin of that name, or nullptr. */
Builtin find_builtin(const std::string& name);

/** Every builtin's name, in the order that `help` shows. */
std::vector<std::string> builtin_names();

int run_identity(const Arguments& arguments);  // identity.cc: the full report
int run_id(const Arguments& arguments);        // identity.cc: uid, gid and groups on one line, as id(1)
int run_shell(const Arguments& arguments);     // shell.cc

/** A small file's text; empty when it cannot be read (what /proc hides is simply not shown). */
std::string read_text(const std::string& path);

/** A file's lines, without their ends. */
std::vector<std::string> read_lines(const std::string& path);

/** Where a symbolic link points; empty when it cannot be read. */
std::string link_target(const std::string& path);

/** Prints `name: cause` on stderr and returns 1. */
int failed(const std::string& what, int error);

}  // namespace whoami
