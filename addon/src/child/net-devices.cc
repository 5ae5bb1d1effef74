// netDevices: see the header. rtnetlink(7), runtime-spec config-linux.md "Network Devices"
#include "child/net-devices.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

namespace tsc::child {
namespace {

constexpr unsigned kRequestRoom = 256;

struct Request {
  nlmsghdr header;
  ifinfomsg link;
  char attributes[kRequestRoom];
};

int open_netlink() { return socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE); }

void begin_link_request(Request& request, unsigned index) {
  memset(&request, 0, sizeof request);
  request.header.nlmsg_len = NLMSG_LENGTH(sizeof request.link);
  request.header.nlmsg_type = RTM_NEWLINK;
  request.header.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
  request.link.ifi_index = static_cast<int>(index);
}

void add_attribute(Request& request, unsigned short type, const void* value, unsigned long size) {
  rtattr* attribute = reinterpret_cast<rtattr*>(reinterpret_cast<char*>(&request) + request.header.nlmsg_len);
  attribute->rta_type = type;
  attribute->rta_len = static_cast<unsigned short>(RTA_LENGTH(size));
  memcpy(RTA_DATA(attribute), value, size);
  request.header.nlmsg_len += static_cast<unsigned>(RTA_ALIGN(RTA_LENGTH(size)));
}

/// Sends one request and reads the kernel's word on it; errno tells.
bool exchange(int fd, nlmsghdr* request) {
  long count;
  do {
    count = send(fd, request, request->nlmsg_len, 0);
  } while (count < 0 && errno == EINTR);
  if (count < 0) return false;
  struct {
    nlmsghdr header;
    nlmsgerr error;
    char rest[1024];
  } answer;
  count = read_retry(fd, &answer, sizeof answer);
  if (count < 0) return false;
  if (count < static_cast<long>(sizeof answer.header + sizeof answer.error.error) ||
      answer.header.nlmsg_type != NLMSG_ERROR) {
    errno = EPROTO;
    return false;
  }
  errno = -answer.error.error;
  return answer.error.error == 0;
}

bool move(int fd, unsigned index, unsigned short kind, int target, const char* name) {
  Request request;
  begin_link_request(request, index);
  add_attribute(request, kind, &target, sizeof target);
  add_attribute(request, IFLA_IFNAME, name, strlen(name) + 1);
  return exchange(fd, &request.header);
}

/// The kernel takes a pattern (eth%d) for a new name, but then we would not know it: such a device travels under a
/// name of its own, and is renamed when it is there.
const char* name_on_arrival(const NetDevice& device, char* space) {
  const char* wanted = device.wanted.get();
  if (strchr(wanted, '%') == nullptr) return wanted;
  format_number(space, "tsn", device.index, "");
  return space;
}

unsigned find_index(int fd, const char* name) {
  ifreq request;
  memset(&request, 0, sizeof request);
  const unsigned long length = strlen(name);
  memcpy(request.ifr_name, name, length < sizeof request.ifr_name ? length : sizeof request.ifr_name - 1);
  return ioctl(fd, SIOCGIFINDEX, &request) == 0 ? static_cast<unsigned>(request.ifr_ifindex) : 0;
}

bool rename_device(int fd, unsigned index, const char* name) {
  Request request;
  begin_link_request(request, index);
  add_attribute(request, IFLA_IFNAME, name, strlen(name) + 1);
  return exchange(fd, &request.header);
}

bool add_addresses(int fd, unsigned index, const NetDevice& device) {
  for (const NetMessage& message : device.addresses) {
    nlmsghdr* header = reinterpret_cast<nlmsghdr*>(message.bytes.get());
    static_cast<ifaddrmsg*>(NLMSG_DATA(header))->ifa_index = index;
    if (!exchange(fd, header)) return false;
  }
  return true;
}

bool set_up(int fd, unsigned index) {
  Request request;
  begin_link_request(request, index);
  request.link.ifi_flags = IFF_UP;
  request.link.ifi_change = IFF_UP;
  return exchange(fd, &request.header);
}

/// In the container's network namespace: sends back the first `count` devices, and the one after them, whose move
/// failed: the kernel moves first and renames then, so that one may be here, too, under its old name.
void send_back(const List<NetDevice>& devices, std::uint64_t count, int host_namespace) {
  const int fd = open_netlink();
  if (fd < 0) return;
  for (std::uint64_t position = 0; position <= count && position < devices.count; ++position) {
    const NetDevice& device = devices[position];
    char space[32];
    unsigned index = find_index(fd, position < count ? name_on_arrival(device, space) : device.name.get());
    if (index == 0 && position < count) index = device.index;  // renamed by a pattern; the index is kept as a rule
    if (index != 0) move(fd, index, IFLA_NET_NS_FD, host_namespace, device.name.get());
  }
}

}  // namespace

bool move_net_devices(Stage& stage) {
  const List<NetDevice>& devices = stage.context.plan->net_devices;
  if (devices.count == 0) return true;
  const int fd = open_netlink();
  std::uint16_t index = 0;
  // Held from now on: should the child end, so would its namespace, and every device in it that is not of metal.
  char path[64];
  format_number(path, "/proc/", stage.child_pid, "/ns/net");
  stage.net_namespace_fd = open(path, O_RDONLY | O_CLOEXEC);
  for (const NetDevice& device : devices) {
    begin_step(stage.context, Step::move_net_device, index++);
    char space[32];
    if (fd < 0 || !move(fd, device.index, IFLA_NET_NS_PID, stage.child_pid, name_on_arrival(device, space))) {
      record_failure(stage.context, fd < 0 ? "socket" : "RTM_NEWLINK", device.name.get());
      if (fd >= 0) close(fd);
      return false;
    }
    ++stage.moved_devices;
  }
  close(fd);
  return true;
}

void return_net_devices(Stage& stage) {
  if (stage.net_namespace_fd < 0) return;
  const List<NetDevice>& devices = stage.context.plan->net_devices;
  const int outside = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
  const pid_t pid = static_cast<pid_t>(syscall(SYS_clone, SIGCHLD, nullptr, nullptr, nullptr, nullptr));
  if (pid == 0) {
    if (setns(stage.net_namespace_fd, CLONE_NEWNET) == 0) send_back(devices, stage.moved_devices, outside);
    _exit(0);
  }
  int status;
  while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  close(outside);
  const int fd = open_netlink();
  for (const NetDevice& device : devices) {
    const unsigned index = find_index(fd, device.name.get());
    if (index == 0) continue;
    // Of one that has not been away the addresses are there still, which is as good.
    add_addresses(fd, index, device);
    if (device.was_up) set_up(fd, index);
  }
  if (fd >= 0) close(fd);
}

void configure_net_devices(Context& context) {
  const List<NetDevice>& devices = context.plan->net_devices;
  if (devices.count == 0) return;
  std::uint16_t position = 0;
  const int fd = open_netlink();
  if (fd < 0) fail(context, "socket", "netlink");
  for (const NetDevice& device : devices) {
    begin_step(context, Step::configure_net_device, position++);
    const char* wanted = device.wanted.get();
    char space[32];
    const char* name = name_on_arrival(device, space);
    const unsigned index = find_index(fd, name);
    if (index == 0) fail(context, "ioctl", name);
    if (name != wanted && !rename_device(fd, index, wanted)) fail(context, "RTM_NEWLINK", wanted);
    if (!add_addresses(fd, index, device)) fail(context, "RTM_NEWADDR", wanted);
    if (!set_up(fd, index)) fail(context, "RTM_NEWLINK", wanted);
  }
  close(fd);
}

}  // namespace tsc::child
