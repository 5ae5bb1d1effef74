// openReadinessWatch(tell) -> {arm, forget, close}: packages/linux/src/readiness.ts. Tokens are carried onto the event loop.
#include "linux/readiness.h"

#include <climits>
#include <memory>
#include <utility>
#include <vector>

#include "bindings/arguments.h"
#include "bindings/bindings.h"
#include "bindings/error-conversion.h"

namespace tsc {

namespace {

using Tokens = std::vector<std::uint32_t>;

void tell(Napi::Env env, Napi::Function callback, void* /*context*/, Tokens* tokens) {
  const std::unique_ptr<Tokens> owned(tokens);
  if (env == nullptr || callback.IsEmpty()) return;  // the environment is ending
  Napi::Array list = Napi::Array::New(env, owned->size());
  for (std::uint32_t i = 0; i < owned->size(); ++i) list.Set(i, Napi::Number::New(env, (*owned)[i]));
  callback.Call({list});
}

using Teller = Napi::TypedThreadSafeFunction<void, Tokens, tell>;

class ReadinessWatchBinding : public Napi::ObjectWrap<ReadinessWatchBinding> {
 public:
  static Napi::Function define(Napi::Env env) {
    return DefineClass(env, "ReadinessWatch",
                       {InstanceMethod("arm", &ReadinessWatchBinding::arm), InstanceMethod("forget", &ReadinessWatchBinding::forget),
                        InstanceMethod("close", &ReadinessWatchBinding::close)});
  }

  explicit ReadinessWatchBinding(const Napi::CallbackInfo& info) : Napi::ObjectWrap<ReadinessWatchBinding>(info) {
    // an unbounded queue is bounded by one shot: each armed fd has at most one token in it
    teller_ = Teller::New(info.Env(), function_argument(info, 0, "tell"), "ReadinessWatch", 0, 1);
    teller_.Unref(info.Env());
    converting_errors(info.Env(), [&] {
      watch_ = std::make_unique<ReadinessWatch>([teller = teller_](Tokens tokens) mutable {
        auto owned = std::make_unique<Tokens>(std::move(tokens));
        if (teller.NonBlockingCall(owned.get()) == napi_ok) owned.release();
      });
    });
  }

  ~ReadinessWatchBinding() override { end(); }

 private:
  void arm(const Napi::CallbackInfo& info) {
    converting_errors(info.Env(), [&] {
      const int fd = static_cast<int>(integer_argument(info, 0, "fd", 0, INT_MAX));
      const auto token = static_cast<std::uint32_t>(integer_argument(info, 1, "token", 0, UINT32_MAX));
      if (watch_) watch_->arm(fd, token);
    });
  }

  void forget(const Napi::CallbackInfo& info) {
    const int fd = static_cast<int>(integer_argument(info, 0, "fd", 0, INT_MAX));
    if (watch_) watch_->forget(fd);
  }

  void close(const Napi::CallbackInfo& /*info*/) { end(); }

  void end() {
    if (!watch_) return;
    watch_.reset();
    teller_.Release();
  }

  Teller teller_;
  std::unique_ptr<ReadinessWatch> watch_;
};

}  // namespace

void export_readiness(Napi::Env env, Napi::Object& exports) {
  auto constructor = std::make_shared<Napi::FunctionReference>(Napi::Persistent(ReadinessWatchBinding::define(env)));
  constructor->SuppressDestruct();  // it lives as long as the environment, which frees it itself
  exports.Set("openReadinessWatch", Napi::Function::New(env, [constructor](const Napi::CallbackInfo& info) {
                return Napi::Value(constructor->New({info[0]}));
              }));
}

}  // namespace tsc
