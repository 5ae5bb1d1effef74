// Network namespaces: made, entered by a thread that ends right after, never by one of Node's.
#pragma once

#include <sys/socket.h>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "linux/unique-fd.h"

namespace tsc {

/// Paths below /proc/sys/net and what is written there.
using NetworkSysctls = std::vector<std::pair<std::string, std::string>>;

/// A namespace that lives as long as its fd, or a process in it, does.
UniqueFd create_network_namespace(const NetworkSysctls& sysctls);

/// Writes each; throws at the first that fails.
void write_network_sysctls(int namespace_fd, const NetworkSysctls& sysctls);

/// socket(2) with CLOEXEC; it stays in that namespace for its life. -1: the process's own.
UniqueFd open_socket_in(int namespace_fd, int family, int type, int protocol);

struct BoundSocket {
  int family;          // AF_INET or AF_INET6
  int type;            // SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET
  int protocol;        // 0, or IPPROTO_SCTP
  std::string address;
  std::uint16_t port;  // 0: the kernel chooses
  bool listens;
};

/// A socket bound to an address of the namespace, non-blocking. An IPv6 one takes no IPv4.
UniqueFd open_bound_socket(int namespace_fd, const BoundSocket& wanted);

/// The port a socket is bound to.
std::uint16_t local_port(int fd);

}  // namespace tsc
