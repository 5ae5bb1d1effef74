// Over libuv's uv_poll: see the header.
#include "bindings/loop-poll.h"

#include <string>
#include <utility>

namespace tsc {

struct LoopPoll::Handle {
  uv_poll_t poll;
  napi_env env;
  std::function<void()> on_readable;
};

LoopPoll::LoopPoll(Napi::Env env, int fd, std::function<void()> on_readable)
    : handle_(new Handle{{}, env, std::move(on_readable)}) {
  uv_loop_t* loop = nullptr;
  const int failure = napi_get_uv_event_loop(env, &loop) == napi_ok ? uv_poll_init(loop, &handle_->poll, fd) : UV_EINVAL;
  if (failure != 0) {
    delete handle_;
    throw Napi::Error::New(env, std::string("watch a descriptor: uv_poll_init: ") + uv_strerror(failure));
  }
  handle_->poll.data = handle_;
  uv_unref(reinterpret_cast<uv_handle_t*>(&handle_->poll));
  // An error (of an epoll descriptor there is none) is told as readable: whoever reads finds it.
  uv_poll_start(&handle_->poll, UV_READABLE, [](uv_poll_t* poll, int, int) {
    const auto* handle = static_cast<Handle*>(poll->data);
    const Napi::HandleScope scope(handle->env);
    handle->on_readable();
  });
}

LoopPoll::~LoopPoll() {
  uv_poll_stop(&handle_->poll);
  uv_close(reinterpret_cast<uv_handle_t*>(&handle_->poll),
           [](uv_handle_t* poll) { delete static_cast<Handle*>(poll->data); });
}

}  // namespace tsc
