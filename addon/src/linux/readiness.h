// ReadinessWatch: one thread that waits in epoll until pipes have bytes, and tells the tokens of those that do.
#pragma once

#include <cstdint>
#include <functional>
#include <thread>
#include <vector>

#include "linux/unique-fd.h"

namespace tsc {

/// Each arming is one shot: after its token was told, the fd is quiet until armed again. It reads nothing itself.
class ReadinessWatch {
 public:
  /// `ready` is called on the watching thread with the tokens of one epoll_wait(2), at least one.
  using Ready = std::function<void(std::vector<std::uint32_t> tokens)>;

  explicit ReadinessWatch(Ready ready);
  ReadinessWatch(const ReadinessWatch&) = delete;
  ReadinessWatch& operator=(const ReadinessWatch&) = delete;
  /// Ends the thread and waits for it.
  ~ReadinessWatch();

  /// Tells `token` once when `fd` is readable or has lost its last writer.
  void arm(int fd, std::uint32_t token);
  /// No error when `fd` was never armed. To be called before `fd` is closed.
  void forget(int fd) noexcept;

 private:
  void run() noexcept;

  Ready ready_;
  UniqueFd epoll_;
  UniqueFd stop_;
  std::thread thread_;
};

}  // namespace tsc
