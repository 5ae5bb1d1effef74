// Network devices: see the header. One RTM_GETADDR dump per device; they are few and seldom asked for.
#include "linux/net-device.h"

#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "linux/error.h"
#include "linux/unique-fd.h"

namespace tsc {
namespace {

constexpr const char* kStep = "find network device";
constexpr size_t kReceiveBuffer = 32 * 1024;

UniqueFd open_socket(int family, int type, int protocol) {
  UniqueFd fd(socket(family, type | SOCK_CLOEXEC, protocol));
  if (!fd) throw_errno(kStep, "socket");
  return fd;
}

bool is_up(const std::string& name) {
  const UniqueFd fd = open_socket(AF_INET, SOCK_DGRAM, 0);
  ifreq request = {};
  memcpy(request.ifr_name, name.c_str(), name.size() + 1);
  if (ioctl(fd.get(), SIOCGIFFLAGS, &request) != 0) throw_errno(kStep, "ioctl", name);
  return (request.ifr_flags & IFF_UP) != 0;
}

void append_attribute(std::string& message, const rtattr* attribute) {
  message.append(reinterpret_cast<const char*>(attribute), attribute->rta_len);
  message.resize(NLMSG_ALIGN(message.size()));
}

/// The dump's message as a request to add the address; "" for one that stays behind.
std::string to_request(const nlmsghdr* header) {
  ifaddrmsg address = *static_cast<const ifaddrmsg*>(NLMSG_DATA(header));
  if (address.ifa_scope != RT_SCOPE_UNIVERSE) return "";
  std::uint32_t flags = address.ifa_flags;
  int length = static_cast<int>(IFA_PAYLOAD(header));
  std::string attributes;
  for (const rtattr* item = IFA_RTA(static_cast<ifaddrmsg*>(NLMSG_DATA(header))); RTA_OK(item, length);
       item = RTA_NEXT(item, length)) {
    if (item->rta_type == IFA_FLAGS) memcpy(&flags, RTA_DATA(item), sizeof flags);
    const bool is_kept = item->rta_type == IFA_LOCAL || item->rta_type == IFA_ADDRESS ||
                         item->rta_type == IFA_BROADCAST || item->rta_type == IFA_RT_PRIORITY;
    if (is_kept) append_attribute(attributes, item);
  }
  if ((flags & IFA_F_PERMANENT) == 0) return "";
  constexpr std::uint32_t kKept = IFA_F_NOPREFIXROUTE | IFA_F_NODAD | IFA_F_HOMEADDRESS | IFA_F_MCAUTOJOIN;
  const struct {
    rtattr header;
    std::uint32_t value;
  } kept_flags = {{RTA_LENGTH(sizeof flags), IFA_FLAGS}, flags & kKept};
  append_attribute(attributes, &kept_flags.header);
  address.ifa_flags = 0;
  address.ifa_index = 0;
  nlmsghdr request = {};
  request.nlmsg_len = static_cast<std::uint32_t>(NLMSG_LENGTH(sizeof address) + attributes.size());
  request.nlmsg_type = RTM_NEWADDR;
  request.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL;
  std::string message(reinterpret_cast<const char*>(&request), sizeof request);
  message.append(reinterpret_cast<const char*>(&address), sizeof address);
  return message + attributes;
}

/// One datagram of the dump; false after its end.
bool take_datagram(const char* bytes, size_t size, std::uint32_t index, std::vector<std::string>& addresses) {
  int length = static_cast<int>(size);
  for (const nlmsghdr* header = reinterpret_cast<const nlmsghdr*>(bytes);
       NLMSG_OK(header, static_cast<std::uint32_t>(length)); header = NLMSG_NEXT(header, length)) {
    if (header->nlmsg_type == NLMSG_DONE) return false;
    if (header->nlmsg_type == NLMSG_ERROR) {
      throw_errno(-static_cast<const nlmsgerr*>(NLMSG_DATA(header))->error, kStep, "RTM_GETADDR");
    }
    if (header->nlmsg_type != RTM_NEWADDR) continue;
    if (static_cast<const ifaddrmsg*>(NLMSG_DATA(header))->ifa_index != index) continue;
    if (std::string request = to_request(header); !request.empty()) addresses.push_back(std::move(request));
  }
  return true;
}

std::vector<std::string> list_addresses(std::uint32_t index) {
  const UniqueFd fd = open_socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE);
  struct {
    nlmsghdr header;
    ifaddrmsg body;
  } request = {};
  request.header.nlmsg_len = sizeof request;
  request.header.nlmsg_type = RTM_GETADDR;
  request.header.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
  if (send(fd.get(), &request, sizeof request, 0) < 0) throw_errno(kStep, "send", "RTM_GETADDR");
  std::vector<std::string> addresses;
  alignas(nlmsghdr) char buffer[kReceiveBuffer];
  for (;;) {
    const ssize_t size = recv(fd.get(), buffer, sizeof buffer, 0);
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) throw_errno(kStep, "recv", "RTM_GETADDR");
    if (!take_datagram(buffer, static_cast<size_t>(size), index, addresses)) return addresses;
  }
}

}  // namespace

NetDeviceFacts find_net_device(const std::string& name) {
  NetDeviceFacts facts;
  facts.index = if_nametoindex(name.c_str());
  if (facts.index == 0) throw_errno(kStep, "if_nametoindex", name);
  facts.is_up = is_up(name);
  facts.addresses = list_addresses(facts.index);
  return facts;
}

}  // namespace tsc
