// NotifyProxy: sd_notify(3) across the container's border. The container gets a socket of its own; what it says there is
// said again on the socket that the caller named in NOTIFY_SOCKET, with a pid that means something outside.
#pragma once

#include <sys/types.h>

#include <string>

#include "linux/unique-fd.h"

namespace tsc::cli {

class NotifyProxy {
 public:
  /// `directory` is <root>/<id>/notify, bound into the container. `outside` is NOTIFY_SOCKET's value.
  NotifyProxy(const std::string& directory, const std::string& outside);

  /// Until the container has said READY=1 or has ended (`pid`, host's view).
  void wait_until_ready(pid_t pid);
  /// Readable when the container has said something; then call forward().
  int fd() const { return inside_.get(); }
  /// `main_pid` is told to be the service's main process once READY=1 has come. True when it has.
  bool forward(pid_t main_pid);

 private:
  void wait_for_barrier();

  UniqueFd inside_;
  UniqueFd outside_;
};

}  // namespace tsc::cli
