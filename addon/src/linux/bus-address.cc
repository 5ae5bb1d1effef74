// Where systemd can be talked to: see the header.
#include "linux/bus-address.h"

#include <stdlib.h>
#include <unistd.h>

#include "linux/cgroup-system.h"
#include "linux/user-namespace.h"

namespace tsc {
namespace {

std::string environment(const char* name) {
  const char* value = getenv(name);
  return value == nullptr ? "" : value;
}

/// "%20" and its like.
std::string unescape(const std::string& text) {
  std::string result;
  for (size_t at = 0; at < text.size(); ++at) {
    const bool is_escape = text[at] == '%' && at + 2 < text.size() &&
                           isxdigit(static_cast<unsigned char>(text[at + 1])) != 0 &&
                           isxdigit(static_cast<unsigned char>(text[at + 2])) != 0;
    if (!is_escape) {
      result += text[at];
      continue;
    }
    result += static_cast<char>(strtol(text.substr(at + 1, 2).c_str(), nullptr, 16));
    at += 2;
  }
  return result;
}

void append(std::vector<BusSocket>& all, std::vector<BusSocket> more) {
  for (BusSocket& each : more) all.push_back(std::move(each));
}

}  // namespace

std::vector<BusSocket> sockets_of_address(const std::string& address) {
  constexpr std::string_view kTransport = "unix:";
  std::vector<BusSocket> sockets;
  for (const std::string& each : split(address, ';')) {
    if (!each.starts_with(kTransport)) continue;
    for (const std::string& pair : split(each.substr(kTransport.size()), ',')) {
      const size_t equals = pair.find('=');
      if (equals == std::string::npos) continue;
      const std::string key = pair.substr(0, equals), value = unescape(pair.substr(equals + 1));
      if (key == "path") sockets.push_back({value});
      if (key == "abstract") sockets.push_back({std::string(1, '\0') + value});
    }
  }
  return sockets;
}

std::vector<BusSocket> systemd_sockets() {
  std::vector<BusSocket> sockets;
  if (!is_ordinary_user()) {
    sockets.push_back({"/run/systemd/private", true});
    append(sockets, sockets_of_address(environment("DBUS_SYSTEM_BUS_ADDRESS")));
    if (sockets.size() == 1) sockets.push_back({"/run/dbus/system_bus_socket"});
    return sockets;
  }
  std::string runtime = environment("XDG_RUNTIME_DIR");
  // Where a login would have set it, for one that did not: su, cron.
  if (runtime.empty() && geteuid() != 0) runtime = "/run/user/" + std::to_string(geteuid());
  if (!runtime.empty()) sockets.push_back({runtime + "/systemd/private", true});
  append(sockets, sockets_of_address(environment("DBUS_SESSION_BUS_ADDRESS")));
  if (!runtime.empty()) sockets.push_back({runtime + "/bus"});
  return sockets;
}

}  // namespace tsc
