// PromiseWorker: the bridge that turns blocking work into a promise; thread-promise.h is the one for work that waits.
// The work runs on a thread of libuv's pool and knows nothing of JavaScript; its result is converted on the JavaScript
// thread.
#pragma once

#include <napi.h>

#include <exception>
#include <optional>
#include <type_traits>
#include <utility>

#include "bindings/error-conversion.h"

namespace tsc {

/// On the JavaScript thread, at the end of the work: of `result` or `failure` one is there.
template <typename Result, typename Convert>
void settle_promise(Napi::Env env, Napi::Promise::Deferred& deferred, const std::exception_ptr& failure,
                    std::optional<Result>& result, Convert& convert) {
  try {
    if (failure) return deferred.Reject(to_js_error(env, failure).Value());
    deferred.Resolve(convert(env, *result));
  } catch (const Napi::Error& error) {
    deferred.Reject(error.Value());
  } catch (...) {
    deferred.Reject(to_js_error(env, std::current_exception()).Value());
  }
}

template <typename Work, typename Convert>
class PromiseWorker : public Napi::AsyncWorker {
 public:
  using Result = std::invoke_result_t<Work&>;

  static Napi::Promise start(Napi::Env env, Work work, Convert convert) {
    auto* worker = new PromiseWorker(env, std::move(work), std::move(convert));  // deletes itself when it is done
    worker->Queue();
    return worker->deferred_.Promise();
  }

 protected:
  void Execute() override {
    try {
      result_.emplace(work_());
    } catch (...) {
      failure_ = std::current_exception();
    }
  }

  void OnOK() override { settle_promise(Env(), deferred_, failure_, result_, convert_); }

 private:
  PromiseWorker(Napi::Env env, Work work, Convert convert)
      : Napi::AsyncWorker(env),
        deferred_(Napi::Promise::Deferred::New(env)),
        work_(std::move(work)),
        convert_(std::move(convert)) {}

  Napi::Promise::Deferred deferred_;
  Work work_;
  Convert convert_;
  std::optional<Result> result_;
  std::exception_ptr failure_;
};

/// `work()` gives a value on another thread; `convert(env, value)` makes the promise's value of it.
template <typename Work, typename Convert>
Napi::Promise promise_of(Napi::Env env, Work work, Convert convert) {
  return PromiseWorker<Work, Convert>::start(env, std::move(work), std::move(convert));
}

/// For work that gives nothing.
template <typename Work>
Napi::Promise promise_of(Napi::Env env, Work work) {
  return promise_of(
      env,
      [work = std::move(work)]() mutable {
        work();
        return true;
      },
      [](Napi::Env resolved, bool) { return resolved.Undefined(); });
}

}  // namespace tsc
