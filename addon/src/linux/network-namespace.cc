// Network namespaces: see the header. unshare(2) and setns(2) change the calling thread alone, so each call has its own.
#include "linux/network-namespace.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/ioctl.h>

#include <cstdio>
#include <exception>

#include "linux/error.h"
#include "linux/file.h"
#include "linux/thread.h"

namespace tsc {
namespace {

/// Runs `work` on a thread of its own, which ends before this returns; what it throws is thrown here.
template <typename Work>
void on_own_thread(Work work) {
  std::exception_ptr failure;
  std::thread thread = start_thread("enter network namespace", [&] {
    try {
      work();
    } catch (...) {
      failure = std::current_exception();
    }
  });
  thread.join();
  if (failure) std::rethrow_exception(failure);
}

template <typename Work>
void in_namespace(int namespace_fd, Work work) {
  if (namespace_fd < 0) return work();
  on_own_thread([&] {
    if (::setns(namespace_fd, CLONE_NEWNET) != 0) throw_errno("enter network namespace", "setns");
    work();
  });
}

void write_all(const NetworkSysctls& sysctls) {
  for (const auto& [path, value] : sysctls) {
    if (path.rfind("/proc/sys/net/", 0) != 0) throw_invalid("write sysctl", path + " is not below /proc/sys/net");
    write_file("write sysctl", path, value);
  }
}

UniqueFd new_socket(int family, int type, int protocol) {
  UniqueFd fd(::socket(family, type | SOCK_CLOEXEC, protocol));
  if (!fd) throw_errno("open socket", "socket");
  return fd;
}

struct SocketAddress {
  sockaddr_storage storage = {};
  socklen_t size = 0;
  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
};

SocketAddress address_of(const BoundSocket& wanted) {
  SocketAddress result;
  if (wanted.family == AF_INET) {
    auto* address = reinterpret_cast<sockaddr_in*>(&result.storage);
    *address = {};
    address->sin_family = AF_INET;
    address->sin_port = htons(wanted.port);
    if (::inet_pton(AF_INET, wanted.address.c_str(), &address->sin_addr) != 1)
      throw_invalid("bind socket", wanted.address + " is no IPv4 address");
    result.size = sizeof *address;
  } else {
    auto* address = reinterpret_cast<sockaddr_in6*>(&result.storage);
    *address = {};
    address->sin6_family = AF_INET6;
    address->sin6_port = htons(wanted.port);
    if (::inet_pton(AF_INET6, wanted.address.c_str(), &address->sin6_addr) != 1)
      throw_invalid("bind socket", wanted.address + " is no IPv6 address");
    result.size = sizeof *address;
  }
  return result;
}

void set_one(int fd, int level, int name, const char* word) {
  const int one = 1;
  if (::setsockopt(fd, level, name, &one, sizeof one) != 0) throw_errno("open socket", "setsockopt", word);
}

/// Of the calling thread's namespace.
void raise_loopback() {
  const UniqueFd fd = new_socket(AF_INET, SOCK_DGRAM, 0);
  ifreq request = {};
  std::snprintf(request.ifr_name, sizeof request.ifr_name, "lo");
  request.ifr_flags = IFF_UP | IFF_RUNNING;
  if (::ioctl(fd.get(), SIOCSIFFLAGS, &request) != 0) throw_errno("create network namespace", "SIOCSIFFLAGS", "lo");
}

}  // namespace

UniqueFd create_network_namespace(const NetworkSysctls& sysctls) {
  UniqueFd fd;
  on_own_thread([&] {
    if (::unshare(CLONE_NEWNET) != 0) throw_errno("create network namespace", "unshare");
    fd = open_file("create network namespace", "/proc/thread-self/ns/net", O_RDONLY);
    write_all(sysctls);
    raise_loopback();
  });
  return fd;
}

void write_network_sysctls(int namespace_fd, const NetworkSysctls& sysctls) {
  in_namespace(namespace_fd, [&] { write_all(sysctls); });
}

UniqueFd open_socket_in(int namespace_fd, int family, int type, int protocol) {
  UniqueFd fd;
  in_namespace(namespace_fd, [&] { fd = new_socket(family, type, protocol); });
  return fd;
}

UniqueFd open_bound_socket(int namespace_fd, const BoundSocket& wanted) {
  const SocketAddress address = address_of(wanted);
  UniqueFd fd = open_socket_in(namespace_fd, wanted.family, wanted.type | SOCK_NONBLOCK, wanted.protocol);
  if (wanted.family == AF_INET6) set_one(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, "IPV6_V6ONLY");
  // connections of an earlier owner that are still in TIME_WAIT do not keep a listener from its port
  if (wanted.listens) set_one(fd.get(), SOL_SOCKET, SO_REUSEADDR, "SO_REUSEADDR");
  const std::string place = wanted.address + " port " + std::to_string(wanted.port);
  if (::bind(fd.get(), address.get(), address.size) != 0) throw_errno("bind socket", "bind", place);
  if (wanted.listens && ::listen(fd.get(), SOMAXCONN) != 0) throw_errno("bind socket", "listen", place);
  return fd;
}

std::uint16_t local_port(int fd) {
  sockaddr_storage storage = {};
  socklen_t size = sizeof storage;
  if (::getsockname(fd, reinterpret_cast<sockaddr*>(&storage), &size) != 0)
    throw_errno("look up port of socket", "getsockname");
  return ntohs(storage.ss_family == AF_INET ? reinterpret_cast<sockaddr_in*>(&storage)->sin_port
                                            : reinterpret_cast<sockaddr_in6*>(&storage)->sin6_port);
}

}  // namespace tsc
