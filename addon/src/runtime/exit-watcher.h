// ExitWatcher: an epoll of the ends of all monitors and of OOM events; whoever polls it has what is ready told.
//
// It belongs to the addon's Runtime; it knows nothing of JavaScript, and has no thread: its callbacks run in tell_ready().
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>

#include "runtime/runtime.h"

namespace tsc {

class ExitWatcher {
 public:
  using OnExit = std::function<void(const ExitRecord&)>;
  using OnOom = std::function<void(const std::string& id)>;

  ExitWatcher(RuntimeConfig config, OnExit on_exit, OnOom on_oom);
  ExitWatcher(const ExitWatcher&) = delete;
  ExitWatcher& operator=(const ExitWatcher&) = delete;

  /// Readable while something is to be told.
  int fd() const { return epoll_.get(); }
  /// Tells what is ready, and waits for nothing. A callback may call any other member.
  void tell_ready() noexcept;
  /// Tells the exit of this process once. No effect when it is watched already.
  void watch_exit(const std::string& id, const std::string& exec_id, UniqueFd exit_fd);
  /// Tells each OOM kill in this container. An empty fd has no effect.
  void watch_oom(const std::string& id, UniqueFd events);
  /// Forgets all about a container that is deleted; an exit not told yet is not told any more.
  void forget(const std::string& id);
  /// Forgets all.
  void close();

 private:
  enum class Kind { exit, oom };
  struct Watched {
    Kind kind;
    std::string id;
    std::string exec_id;
    UniqueFd fd;
    std::uint64_t known_kills = 0;
  };

  void add(Kind kind, const std::string& id, const std::string& exec_id, UniqueFd fd);
  bool is_watched(Kind kind, const std::string& id, const std::string& exec_id) const;
  Watched* find(std::uint64_t token, Kind kind);
  void tell_exit(std::uint64_t token);
  void tell_oom(std::uint64_t token);
  void tell_pending_oom(const std::string& id);

  RuntimeConfig config_;
  OnExit on_exit_;
  OnOom on_oom_;
  UniqueFd epoll_;
  std::map<std::uint64_t, Watched> watched_;
  std::uint64_t next_token_ = 0;
};

}  // namespace tsc
