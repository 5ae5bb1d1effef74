// The embedded image's one program: a static multi-call binary, hard-linked under each builtin's name in /bin.
//
// It is what a container can run with no other file in its image: `whoami` says who it is inside.
#include <sys/prctl.h>

#include <cstdio>
#include <cstdlib>
#include <string>

#include "builtins.h"

using whoami::Arguments;

int main(int argc, char** argv) {
  Arguments arguments(argv, argv + argc);
  if (arguments.empty()) arguments.push_back("whoami");
  std::string& name = arguments.front();
  name = name.substr(name.rfind('/') + 1);
  setvbuf(stdout, nullptr, _IOLBF, 0);  // a reader of the log sees each line when it is printed

  // `whoami sleep 5` runs sleep: so the image's entrypoint needs no shell.
  if (name == "whoami" && arguments.size() > 1) arguments.erase(arguments.begin());
  const whoami::Builtin builtin = whoami::find_builtin(arguments.front());
  if (builtin == nullptr) {
    fprintf(stderr, "%s: no such command; there are:", arguments.front().c_str());
    for (const std::string& known : whoami::builtin_names()) fprintf(stderr, " %s", known.c_str());
    fprintf(stderr, "\n");
    return 127;
  }
  prctl(PR_SET_NAME, arguments.front().c_str());  // a builtin is executed as /proc/self/exe: `ps` shall say its name
  const int status = builtin(arguments);
  return fflush(stdout) == 0 ? status : 1;
}
