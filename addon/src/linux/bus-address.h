// Where systemd can be talked to: the sockets of its own and those of a message bus, in the order in which they are
// tried. Used by dbus-connection.cc. https://dbus.freedesktop.org/doc/dbus-specification.html#addresses
#pragma once

#include <string>
#include <vector>

namespace tsc {

struct BusSocket {
  std::string name;  // of a socket file; or, behind a NUL, an abstract one
  bool is_direct = false;  // systemd itself listens there, no bus between
};

/// The unix sockets of "unix:path=/run/bus,guid=...;unix:abstract=...": others are left out.
std::vector<BusSocket> sockets_of_address(const std::string& address);

/// Root's is the manager of the machine, an ordinary user's their own.
std::vector<BusSocket> systemd_sockets();

}  // namespace tsc
