// ExitWatcher: one thread that waits in epoll for the ends of all monitors and for OOM events, and tells them.
//
// It belongs to the addon's Runtime; it knows nothing of JavaScript. Its callbacks run on its own thread.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <thread>

#include "runtime/runtime.h"

namespace tsc {

class ExitWatcher {
 public:
  using OnExit = std::function<void(ExitRecord)>;
  using OnOom = std::function<void(std::string id)>;

  ExitWatcher(RuntimeConfig config, OnExit on_exit, OnOom on_oom);
  ExitWatcher(const ExitWatcher&) = delete;
  ExitWatcher& operator=(const ExitWatcher&) = delete;
  ~ExitWatcher();

  /// Tells the exit of this process once. No effect when it is watched already.
  void watch_exit(const std::string& id, const std::string& exec_id, UniqueFd exit_fd);
  /// Tells each OOM kill in this container. An empty fd has no effect.
  void watch_oom(const std::string& id, UniqueFd events);
  /// Forgets all about a container that is deleted; an exit not told yet is not told any more.
  void forget(const std::string& id);
  /// Ends the thread and waits for it. Idempotent.
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

  void run() noexcept;
  void add(Kind kind, const std::string& id, const std::string& exec_id, UniqueFd fd);
  bool is_watched(Kind kind, const std::string& id, const std::string& exec_id) const;
  void tell_exit(std::uint64_t token);
  void note_kills(std::uint64_t token, std::uint64_t known_kills);
  void tell_oom(std::uint64_t token);
  void tell_pending_oom(const std::string& id);

  RuntimeConfig config_;
  OnExit on_exit_;
  OnOom on_oom_;
  UniqueFd epoll_;
  UniqueFd stop_;
  std::mutex mutex_;  // guards the two below; never held while a callback or a verb of the runtime runs
  std::map<std::uint64_t, Watched> watched_;
  std::uint64_t next_token_ = 1;
  std::thread thread_;
};

}  // namespace tsc
