// The watching thread: epoll with one-shot arming, ended by an eventfd.
#include "linux/readiness.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <utility>

#include "linux/error.h"
#include "linux/thread.h"

namespace tsc {

namespace {

constexpr int kEventsPerWait = 64;
constexpr std::uint64_t kStopToken = UINT64_MAX;  // tokens of callers are 32 bits wide

}  // namespace

ReadinessWatch::ReadinessWatch(Ready ready)
    : ready_(std::move(ready)), epoll_(epoll_create1(EPOLL_CLOEXEC)), stop_(eventfd(0, EFD_CLOEXEC)) {
  if (!epoll_) throw_errno("watch pipes", "epoll_create1");
  if (!stop_) throw_errno("watch pipes", "eventfd");
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.u64 = kStopToken;
  if (epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, stop_.get(), &event) < 0) throw_errno("watch pipes", "epoll_ctl");
  thread_ = start_thread("watch pipes", [this] { run(); });
}

ReadinessWatch::~ReadinessWatch() {
  const std::uint64_t one = 1;
  while (write(stop_.get(), &one, sizeof one) < 0 && errno == EINTR) {
  }
  thread_.join();
}

void ReadinessWatch::arm(int fd, std::uint32_t token) {
  epoll_event event{};
  event.events = EPOLLIN | EPOLLONESHOT;  // EPOLLHUP and EPOLLERR are always told
  event.data.u64 = token;
  if (epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, fd, &event) == 0) return;
  if (errno != ENOENT || epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) < 0) throw_errno("watch pipe", "epoll_ctl");
}

void ReadinessWatch::forget(int fd) noexcept { epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, nullptr); }

void ReadinessWatch::run() noexcept {
  std::array<epoll_event, kEventsPerWait> events;
  for (;;) {
    const int count = epoll_wait(epoll_.get(), events.data(), kEventsPerWait, -1);
    if (count < 0) {
      if (errno == EINTR) continue;
      return;  // the epoll fd itself is gone: only the destructor's end is left
    }
    std::vector<std::uint32_t> tokens;
    for (int i = 0; i < count; ++i) {
      if (events[i].data.u64 == kStopToken) return;
      tokens.push_back(static_cast<std::uint32_t>(events[i].data.u64));
    }
    ready_(std::move(tokens));
  }
}

}  // namespace tsc
