// promise_on_thread: blocking work on a thread of its own, for work that waits on a client and must not hold one of the
// few threads of libuv's pool.
#pragma once

#include <napi.h>

#include <exception>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

#include "bindings/promise-worker.h"
#include "linux/thread.h"

namespace tsc {

template <typename Work, typename Convert>
struct ThreadWork {
  using Result = std::invoke_result_t<Work&>;

  Napi::Promise::Deferred deferred;
  Work work;
  Convert convert;
  Napi::ThreadSafeFunction finished;
  std::optional<Result> result;
  std::exception_ptr failure;

  void run() {
    try {
      result.emplace(work());
    } catch (...) {
      failure = std::current_exception();
    }
    Napi::ThreadSafeFunction own = finished;
    own.BlockingCall(this, [](Napi::Env env, Napi::Function, ThreadWork* done) {
      const std::unique_ptr<ThreadWork> owned(done);
      settle_promise(env, done->deferred, done->failure, done->result, done->convert);
    });
    own.Release();
  }
};

/// As promise_of: `work()` gives a value, `convert(env, value)` makes the promise's value of it.
template <typename Work, typename Convert>
Napi::Promise promise_on_thread(Napi::Env env, Work work, Convert convert) {
  using State = ThreadWork<Work, Convert>;
  std::unique_ptr<State> state(new State{
      Napi::Promise::Deferred::New(env), std::move(work), std::move(convert), {}, std::nullopt, nullptr});
  state->finished = Napi::ThreadSafeFunction::New(env, Napi::Function(), "blocking work", 0, 1);
  const Napi::Promise promise = state->deferred.Promise();
  try {
    start_thread("start work", [begun = state.get()] { begun->run(); }).detach();
    static_cast<void>(state.release());  // its end, on this thread, deletes it
  } catch (...) {
    state->finished.Release();
    state->deferred.Reject(to_js_error(env, std::current_exception()).Value());
  }
  return promise;
}

}  // namespace tsc
