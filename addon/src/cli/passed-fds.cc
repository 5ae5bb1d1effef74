// Passed fds: see the header.
#include "cli/passed-fds.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "linux/error.h"

namespace tsc::cli {
namespace {

constexpr long long kMaxPassedFds = 65536;

long long preserved(const Options& options) {
  const long long count = flag_integer("--preserve-fds", options.value("preserve-fds", "0"));
  if (count < 0 || count > kMaxPassedFds) throw_invalid("command line", "--preserve-fds: not within 0..65536");
  return count;
}

void take_sockets(PassedFds& passed) {
  const char* count = getenv("LISTEN_FDS");
  const char* pid = getenv("LISTEN_PID");
  if (count == nullptr || pid == nullptr || to_integer("LISTEN_PID", pid) != getpid()) return;
  const long long number = to_integer("LISTEN_FDS", count);
  if (number < 0 || number > kMaxPassedFds) throw_invalid("environment", "LISTEN_FDS: not within 0..65536");
  passed.count += static_cast<std::uint64_t>(number);
  passed.environment = {"LISTEN_FDS=" + std::string(count), "LISTEN_PID=1"};
  if (const char* names = getenv("LISTEN_FDNAMES")) passed.environment.push_back("LISTEN_FDNAMES=" + std::string(names));
}

}  // namespace

PassedFds find_passed_fds(const Options& options, bool takes_sockets) {
  PassedFds passed;
  if (takes_sockets) take_sockets(passed);
  passed.count += static_cast<std::uint64_t>(preserved(options));
  for (std::uint64_t number = 0; number < passed.count; ++number) {
    const int fd = 3 + static_cast<int>(number);
    if (fcntl(fd, F_GETFD) < 0) throw_invalid("command line", "fd " + std::to_string(fd) + " is to be passed on, but is not open");
  }
  return passed;
}

}  // namespace tsc::cli
