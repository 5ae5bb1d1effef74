// epoll over the monitors' exit pipes and OOM events. A token names each: an fd's number may be used anew after it is closed.
#include "runtime/exit-watcher.h"

#include <poll.h>
#include <sys/epoll.h>
#include <time.h>

#include <cerrno>
#include <vector>

namespace tsc {
namespace {

constexpr int kEventsAtOnce = 64;
constexpr int kUnknownStatus = 137;  // as if killed: what is told when nothing of the exit is known

/// What can be said of a process whose record cannot be read.
ExitRecord lost_record(const std::string& id, const std::string& exec_id) {
  timespec now = {};
  clock_gettime(CLOCK_REALTIME, &now);
  ExitRecord record;
  record.id = id;
  record.exec_id = exec_id;
  record.exit_status = kUnknownStatus;
  record.exited_at_ns = static_cast<std::int64_t>(now.tv_sec) * 1'000'000'000 + now.tv_nsec;
  record.monitor_lost = true;
  return record;
}

}  // namespace

ExitWatcher::ExitWatcher(RuntimeConfig config, OnExit on_exit, OnOom on_oom)
    : config_(std::move(config)),
      on_exit_(std::move(on_exit)),
      on_oom_(std::move(on_oom)),
      epoll_(epoll_create1(EPOLL_CLOEXEC)) {
  if (!epoll_) throw_errno("watch exits", "epoll_create1");
}

void ExitWatcher::close() { watched_.clear(); }

bool ExitWatcher::is_watched(Kind kind, const std::string& id, const std::string& exec_id) const {
  for (const auto& [token, entry] : watched_) {
    if (entry.kind == kind && entry.id == id && entry.exec_id == exec_id) return true;
  }
  return false;
}

ExitWatcher::Watched* ExitWatcher::find(std::uint64_t token, Kind kind) {
  const auto found = watched_.find(token);
  return found == watched_.end() || found->second.kind != kind ? nullptr : &found->second;
}

void ExitWatcher::add(Kind kind, const std::string& id, const std::string& exec_id, UniqueFd fd) {
  if (!fd || is_watched(kind, id, exec_id)) return;
  const std::uint64_t token = next_token_++;
  // Edge-triggered for OOM events: one that cannot be drained must not spin.
  epoll_event event = {kind == Kind::oom ? EPOLLIN | EPOLLET : EPOLLIN | EPOLLONESHOT, {.u64 = token}};
  if (epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd.get(), &event) != 0) throw_errno("watch", "epoll_ctl", id);
  watched_.emplace(token, Watched{kind, id, exec_id, std::move(fd)});
}

void ExitWatcher::watch_exit(const std::string& id, const std::string& exec_id, UniqueFd exit_fd) {
  add(Kind::exit, id, exec_id, std::move(exit_fd));
}

void ExitWatcher::watch_oom(const std::string& id, UniqueFd events) { add(Kind::oom, id, "", std::move(events)); }

void ExitWatcher::forget(const std::string& id) {
  std::erase_if(watched_, [&](const auto& item) { return item.second.id == id; });  // closing takes it out of epoll
}

void ExitWatcher::tell_ready() noexcept {
  epoll_event events[kEventsAtOnce];
  const int count = epoll_wait(epoll_.get(), events, kEventsAtOnce, 0);
  for (int i = 0; i < count; ++i) tell_oom(events[i].data.u64);  // why it ended comes before that it ended
  for (int i = 0; i < count; ++i) tell_exit(events[i].data.u64);
}

void ExitWatcher::tell_oom(std::uint64_t token) {
  Watched* watched = find(token, Kind::oom);
  if (watched == nullptr) return;
  const std::string id = watched->id;
  try {
    if (acknowledge_oom(config_, id, watched->fd.get(), watched->known_kills)) on_oom_(id);
  } catch (const std::exception&) {
    // The container is gone, and with it whoever wanted to know.
    forget(id);
  }
}

/// The kernel may make the exit readable before the OOM event of the same epoll round.
void ExitWatcher::tell_pending_oom(const std::string& id) {
  std::vector<std::uint64_t> tokens;
  for (const auto& [token, entry] : watched_) {
    pollfd ready = {entry.fd.get(), POLLIN, 0};
    if (entry.kind == Kind::oom && entry.id == id && poll(&ready, 1, 0) > 0) tokens.push_back(token);
  }
  for (const std::uint64_t token : tokens) tell_oom(token);
}

void ExitWatcher::tell_exit(std::uint64_t token) {
  if (find(token, Kind::exit) == nullptr) return;
  const Watched ended = std::move(watched_.extract(token).mapped());
  try {
    ExitOutcome outcome = collect_exit(config_, ended.id, ended.exec_id);
    if (!outcome.record && outcome.process_pidfd) {
      return watch_exit(ended.id, ended.exec_id, std::move(outcome.process_pidfd));
    }
    tell_pending_oom(ended.id);
    on_exit_(outcome.record ? *outcome.record : lost_record(ended.id, ended.exec_id));
  } catch (const std::exception&) {
    // Told as lost: whoever waits for this exit must not wait for ever.
    on_exit_(lost_record(ended.id, ended.exec_id));
  }
}

}  // namespace tsc
