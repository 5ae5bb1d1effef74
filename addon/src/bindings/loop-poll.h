// LoopPoll: has Node's event loop watch a descriptor and call back, without a thread between; for runtime-binding.cc.
#pragma once

#include <napi.h>
#include <uv.h>

#include <functional>

namespace tsc {

class LoopPoll {
 public:
  /// `on_readable` runs on the JavaScript thread for as long as `fd` is readable, and must not throw. The watch alone
  /// does not keep the process alive. Throws a JavaScript error when the loop cannot watch it.
  LoopPoll(Napi::Env env, int fd, std::function<void()> on_readable);
  LoopPoll(const LoopPoll&) = delete;
  LoopPoll& operator=(const LoopPoll&) = delete;
  /// Also from within `on_readable`; `fd` may be closed afterwards.
  ~LoopPoll();

 private:
  /// libuv's until it has said that it is closed.
  struct Handle;
  Handle* handle_;
};

}  // namespace tsc
