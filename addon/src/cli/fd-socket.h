// --console-socket and --pidfd-socket: one fd sent to a unix socket that the caller listens on.
#pragma once

#include <sys/types.h>

#include <string>

namespace tsc::cli {

/// `name` is the text that goes along, as runc's callers expect it. Throws.
void send_fd(const char* step, const std::string& path, int fd, const std::string& name);

/// A pidfd of our child `pid`.
void send_pidfd(const std::string& path, pid_t pid);

}  // namespace tsc::cli
