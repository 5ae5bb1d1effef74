// Sending a file descriptor over a unix socket: for --console-socket and --pidfd-socket, where the caller listens, and
// for NotifyProxy.
#pragma once

#include <sys/types.h>

#include <string>

namespace tsc::cli {

/// One message, with an fd or without (-1). False: errno tells.
bool send_message(int socket, const std::string& text, int passed_fd);

/// Connects and sends one. `name` is the text that goes along, as runc's callers expect it. Throws.
void send_fd(const char* step, const std::string& path, int fd, const std::string& name);

/// A pidfd of our child `pid`.
void send_pidfd(const std::string& path, pid_t pid);

}  // namespace tsc::cli
