// Unix sockets that keep message boundaries, which Node's own sockets do not have: syslog's /dev/log is one.
#pragma once

#include <string>

#include "linux/unique-fd.h"

namespace tsc {

/// Connected to the socket at `path`; a write(2) is a message. Never waits: a full receiver is EAGAIN.
UniqueFd connect_unix_datagram(const std::string& path);

}  // namespace tsc
