// Netlink: a socket of one protocol in one network namespace, and one exchange on it: a request sent, its answers read.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "linux/unique-fd.h"

namespace tsc {

/// A message that the kernel refused.
struct NetlinkFailure {
  std::uint32_t sequence;
  int error;           // errno
  std::string detail;  // the kernel's own words (extended ack), may be empty
};

struct NetlinkReply {
  /// Messages that are neither acknowledgements nor the end of a dump, one after the other as they came.
  std::vector<std::uint8_t> messages;
  std::vector<NetlinkFailure> failures;
};

/// `protocol`: NETLINK_ROUTE, NETLINK_NETFILTER, ... `namespace_fd` -1: the process's own network namespace. Blocking,
/// with strict checks, capped acks and extended acks; buffers are wide enough for a table of thousands of elements.
UniqueFd open_netlink(int protocol, int namespace_fd);

/// Sends `request` (whole messages, one after the other) at once and reads until each message of it that asked for an
/// acknowledgement or a dump was answered. Not to be called on one socket from two threads at a time.
NetlinkReply exchange_netlink(int fd, const std::vector<std::uint8_t>& request);

}  // namespace tsc
