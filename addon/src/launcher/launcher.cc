// The launcher behind dist/bin/<command>: replaces itself by the pinned Node running dist/lib/<command>.mjs.
//
// One static binary under four names. Node is reached through dist/lib/node-bin/<command>, a symbolic link named after
// the command, because the kernel takes a process's comm from the last component of the path given to execve(2):
// `ps` then says `tscontainerd`, not `node`.
#include <cerrno>
#include <climits>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <unistd.h>
#include <vector>

namespace {

struct Command {
  const char* name;
  std::vector<const char*> node_flags;
};

// Daemons: a bounded old generation (a leak ends as an error, not as the host's memory), and a semi-space large
// enough that a request's garbage dies young, small enough that an idle daemon stays small.
const std::vector<Command> kCommands = {
    {"tsctl", {"--max-semi-space-size=8", "--disable-warning=ExperimentalWarning"}},
    {"tsengined", {"--max-semi-space-size=4", "--max-old-space-size=1024", "--disable-warning=ExperimentalWarning"}},
    {"tscontainerd", {"--max-semi-space-size=4", "--max-old-space-size=1024", "--disable-warning=ExperimentalWarning"}},
    {"containerd-shim-ts-v2",
     {"--max-semi-space-size=1", "--max-old-space-size=256", "--disable-warning=ExperimentalWarning"}},
};

constexpr int kCannotExecute = 126;
// The addon's blocking verbs run on libuv's pool: more than its four threads, so that a slow one delays no other.
constexpr char kPoolThreads[] = "8";

[[noreturn]] void fail(const std::string& what, int error) {
  dprintf(STDERR_FILENO, "%s: %s\n", what.c_str(), strerror(error));
  _exit(kCannotExecute);
}

std::string own_path() {
  char path[PATH_MAX];
  const ssize_t length = readlink("/proc/self/exe", path, sizeof path - 1);
  if (length < 0) fail("read link /proc/self/exe", errno);
  return std::string(path, static_cast<size_t>(length));
}

const Command& command_named(const std::string& name) {
  for (const Command& command : kCommands) {
    if (name == command.name) return command;
  }
  fail("launch " + name + ": not one of our commands", EINVAL);
}

}  // namespace

int main(int argc, char** argv) {
  const std::string self = own_path();
  const size_t slash = self.rfind('/');
  const std::string name = self.substr(slash + 1);
  const Command& command = command_named(name);
  const std::string lib = self.substr(0, self.rfind('/', slash - 1)) + "/lib";

  const std::string node = lib + "/node-bin/" + name;
  const std::string script = lib + "/" + name + ".mjs";
  setenv("NODE_COMPILE_CACHE", (lib + "/.compile-cache").c_str(), 0);
  setenv("UV_THREADPOOL_SIZE", kPoolThreads, 0);
  // One arena, so that what a burst took is given back: eight kept 60 MiB after 2000 calls where one keeps 43.
  setenv("MALLOC_ARENA_MAX", "1", 0);

  std::vector<char*> arguments = {const_cast<char*>(command.name)};
  for (const char* flag : command.node_flags) arguments.push_back(const_cast<char*>(flag));
  // Without it Node would look for options of its own (--env-file) among the command's.
  static char end_of_options[] = "--";
  arguments.push_back(end_of_options);
  arguments.push_back(const_cast<char*>(script.c_str()));
  for (int i = 1; i < argc; ++i) arguments.push_back(argv[i]);
  arguments.push_back(nullptr);
  execv(node.c_str(), arguments.data());
  fail("execute " + node, errno);
}
