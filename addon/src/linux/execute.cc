// Ignored signals and the signal mask survive execve(2): Node ignores SIGPIPE, a new program must not.
#include "linux/execute.h"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <cerrno>

#include "linux/error.h"

namespace tsc {
namespace {

void reset_signals() {
  for (int number = 1; number < NSIG; ++number) signal(number, SIG_DFL);  // the unblockable ones refuse: as they are
  sigset_t none;
  sigemptyset(&none);
  pthread_sigmask(SIG_SETMASK, &none, nullptr);
}

/// Node marks its standard streams close-on-exec (uv_disable_stdio_inheritance), and libuv makes pipes and terminals
/// non-blocking, which is a state of the shared open file and would stay.
void restore_standard_streams() {
  for (int fd = 0; fd <= 2; ++fd) {
    const int flags = fcntl(fd, F_GETFL);
    if (flags < 0) continue;
    fcntl(fd, F_SETFD, 0);
    if ((flags & O_NONBLOCK) != 0) fcntl(fd, F_SETFL, flags & ~O_NONBLOCK);
  }
}

}  // namespace

void execute(const std::string& path, const std::vector<std::string>& arguments) {
  std::vector<char*> raw;
  for (const std::string& argument : arguments) raw.push_back(const_cast<char*>(argument.c_str()));
  raw.push_back(nullptr);
  if (access(path.c_str(), X_OK) != 0) throw_errno("execute", "access", path);  // while we can still report it well
  reset_signals();
  restore_standard_streams();
  execv(path.c_str(), raw.data());
  throw_errno("execute", "execve", path);
}

}  // namespace tsc
