// Netlink sockets: see the header. netlink(7), rtnetlink(7).
#include "linux/netlink.h"

#include <linux/netlink.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <cstring>
#include <set>

#include "linux/error.h"
#include "linux/network-namespace.h"

namespace tsc {
namespace {

/// Of a socket's send and receive buffers: one acknowledgement takes the kernel nearly 1 KiB.
constexpr int kBufferBytes = 8 << 20;
/// Longest wait for one answer: the kernel's network lock may be held for long while hundreds of links go.
constexpr timeval kAnswerTimeout = {30, 0};
constexpr size_t kReceiveBytes = 64 << 10;

void set_option(int fd, int level, int name, const void* value, socklen_t size, const char* word) {
  if (::setsockopt(fd, level, name, value, size) != 0) throw_errno("open netlink socket", "setsockopt", word);
}

void set_flag(int fd, int level, int name, int value, const char* word) {
  set_option(fd, level, name, &value, sizeof value, word);
}

/// What is still to come of one request.
struct Awaited {
  std::multiset<std::uint32_t> sequences;
  /// Of the request's first message when that one wants no answer: the head of a batch.
  std::uint32_t batch_head = 0;
};

/// The messages that will be answered.
Awaited awaited_of(const std::vector<std::uint8_t>& request) {
  Awaited awaited;
  for (size_t at = 0; at < request.size();) {
    nlmsghdr header;
    if (request.size() - at < sizeof header) throw_invalid("send netlink request", "a message is cut short");
    std::memcpy(&header, request.data() + at, sizeof header);
    if (header.nlmsg_len < sizeof header || header.nlmsg_len > request.size() - at)
      throw_invalid("send netlink request", "a message's length is wrong");
    const bool is_answered = (header.nlmsg_flags & (NLM_F_ACK | NLM_F_DUMP)) != 0;
    if (is_answered) awaited.sequences.insert(header.nlmsg_seq);
    if (at == 0 && !is_answered) awaited.batch_head = header.nlmsg_seq;
    at += NLMSG_ALIGN(header.nlmsg_len);
  }
  return awaited;
}

/// The text of an extended acknowledgement.
std::string detail_of(const std::uint8_t* message, const nlmsghdr& header) {
  if ((header.nlmsg_flags & NLM_F_ACK_TLVS) == 0) return {};
  nlmsghdr inner;
  std::memcpy(&inner, message + NLMSG_HDRLEN + sizeof(int), sizeof inner);
  size_t at = NLMSG_HDRLEN + sizeof(nlmsgerr);
  // without a cap the refused message's body stands between
  if ((header.nlmsg_flags & NLM_F_CAPPED) == 0 && inner.nlmsg_len > sizeof inner)
    at += NLMSG_ALIGN(inner.nlmsg_len - sizeof inner);
  while (at + sizeof(nlattr) <= header.nlmsg_len) {
    nlattr attribute;
    std::memcpy(&attribute, message + at, sizeof attribute);
    if (attribute.nla_len < sizeof attribute || at + attribute.nla_len > header.nlmsg_len) break;
    if ((attribute.nla_type & NLA_TYPE_MASK) == NLMSGERR_ATTR_MSG) {
      const auto* text = reinterpret_cast<const char*>(message + at + sizeof attribute);
      return {text, strnlen(text, attribute.nla_len - sizeof attribute)};
    }
    at += NLA_ALIGN(attribute.nla_len);
  }
  return {};
}

void take_end(const std::uint8_t* message, const nlmsghdr& header, Awaited& awaited, NetlinkReply& reply) {
  int error = 0;
  if (header.nlmsg_len >= NLMSG_HDRLEN + sizeof error) std::memcpy(&error, message + NLMSG_HDRLEN, sizeof error);
  if (error != 0) {
    const bool has_detail = header.nlmsg_type == NLMSG_ERROR;
    reply.failures.push_back({header.nlmsg_seq, -error, has_detail ? detail_of(message, header) : std::string()});
    // a batch that is refused as a whole is answered under its head's number alone
    if (awaited.batch_head != 0 && header.nlmsg_seq == awaited.batch_head) awaited.sequences.clear();
  }
  const auto found = awaited.sequences.find(header.nlmsg_seq);
  if (found != awaited.sequences.end()) awaited.sequences.erase(found);
}

/// The messages of one datagram.
void take_messages(const std::uint8_t* data, size_t size, Awaited& awaited, NetlinkReply& reply) {
  for (size_t at = 0; at + sizeof(nlmsghdr) <= size;) {
    nlmsghdr header;
    std::memcpy(&header, data + at, sizeof header);
    if (header.nlmsg_len < sizeof header || header.nlmsg_len > size - at) break;
    if (header.nlmsg_type == NLMSG_ERROR || header.nlmsg_type == NLMSG_DONE) {
      take_end(data + at, header, awaited, reply);
    } else if (header.nlmsg_type != NLMSG_NOOP) {
      reply.messages.insert(reply.messages.end(), data + at, data + at + header.nlmsg_len);
      reply.messages.resize(NLMSG_ALIGN(reply.messages.size()));
    }
    at += NLMSG_ALIGN(header.nlmsg_len);
  }
}

}  // namespace

UniqueFd open_netlink(int protocol, int namespace_fd) {
  UniqueFd fd = open_socket_in(namespace_fd, AF_NETLINK, SOCK_RAW, protocol);
  set_flag(fd.get(), SOL_SOCKET, SO_SNDBUFFORCE, kBufferBytes, "SO_SNDBUFFORCE");
  set_flag(fd.get(), SOL_SOCKET, SO_RCVBUFFORCE, kBufferBytes, "SO_RCVBUFFORCE");
  set_option(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &kAnswerTimeout, sizeof kAnswerTimeout, "SO_RCVTIMEO");
  set_flag(fd.get(), SOL_NETLINK, NETLINK_CAP_ACK, 1, "NETLINK_CAP_ACK");
  set_flag(fd.get(), SOL_NETLINK, NETLINK_EXT_ACK, 1, "NETLINK_EXT_ACK");
  const sockaddr_nl address = {AF_NETLINK, 0, 0, 0};
  if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    throw_errno("open netlink socket", "bind");
  return fd;
}

NetlinkReply exchange_netlink(int fd, const std::vector<std::uint8_t>& request) {
  Awaited awaited = awaited_of(request);
  NetlinkReply reply;
  ssize_t count;
  do {
    count = ::send(fd, request.data(), request.size(), MSG_NOSIGNAL);
  } while (count < 0 && errno == EINTR);
  if (count < 0) throw_errno("send netlink request", "send");
  std::vector<std::uint8_t> buffer(kReceiveBytes);
  while (!awaited.sequences.empty()) {
    do {
      count = ::recv(fd, buffer.data(), buffer.size(), 0);
    } while (count < 0 && errno == EINTR);
    if (count < 0) throw_errno(errno == EAGAIN ? ETIMEDOUT : errno, "read netlink answer", "recv");
    take_messages(buffer.data(), static_cast<size_t>(count), awaited, reply);
  }
  return reply;
}

}  // namespace tsc
