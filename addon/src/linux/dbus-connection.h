// A connection to systemd over D-Bus: calls to its manager, and the word that a job is done. Used by systemd-scope.cc.
#pragma once

#include <deque>
#include <string>

#include "linux/dbus-message.h"
#include "linux/unique-fd.h"

namespace tsc {

/// Blocking; every wait is bounded. Throws RuntimeError, with systemd's own words when it refuses.
class SystemdConnection {
 public:
  /// To the first of systemd_sockets() that answers: systemd's own, which works without a message bus, then the bus.
  SystemdConnection();

  /// Calls a method of the manager; gives the strings of its answer. `error_name`: an error whose name ends so is not
  /// thrown but gives nothing.
  std::vector<std::string> call(const char* method, const DbusWriter& arguments, const char* ignored_error = nullptr);

  /// Waits for the end of a job that a call has given; "done" when all went well.
  std::string wait_for_job(const std::string& job);

 private:
  /// True when systemd itself is at the other end.
  bool connect();
  int try_connect(const std::string& name);
  void authenticate();
  std::string read_line();
  std::uint32_t send(DbusMessage message);
  DbusMessage receive();
  DbusMessage call_object(const char* destination, const char* path, const char* interface, const char* method,
                          const DbusWriter& arguments);
  void read_exactly(char* buffer, std::size_t size);

  UniqueFd socket_;
  std::uint32_t serial_ = 0;
  std::deque<DbusMessage> signals_;  // of jobs that ended before anybody waited for them
};

/// Whether systemd is the init of this machine: sd_booted(3).
bool is_systemd_running() noexcept;

}  // namespace tsc
