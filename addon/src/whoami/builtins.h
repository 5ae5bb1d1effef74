// The embedded image's commands, each a function from its arguments to its exit status; main.cc and shell.cc call them.
#pragma once

#include <string>
#include <vector>

namespace whoami {

using Arguments = std::vector<std::string>;  // the command's name is the first
using Builtin = int (*)(const Arguments&);

/** The builtin of that name, or nullptr. */
Builtin findBuiltin(const std::string& name);

/** Every builtin's name, in the order that `help` shows. */
std::vector<std::string> builtinNames();

int runIdentity(const Arguments& arguments);  // identity.cc: the full report
int runId(const Arguments& arguments);        // identity.cc: uid, gid and groups on one line, as id(1)
int runShell(const Arguments& arguments);     // shell.cc

/** A small file's text; empty when it cannot be read (what /proc hides is simply not shown). */
std::string readText(const std::string& path);

/** A file's lines, without their ends. */
std::vector<std::string> readLines(const std::string& path);

/** Where a symbolic link points; empty when it cannot be read. */
std::string linkTarget(const std::string& path);

/** Prints `name: cause` on stderr and returns 1. */
int failed(const std::string& what, int error);

}  // namespace whoami
