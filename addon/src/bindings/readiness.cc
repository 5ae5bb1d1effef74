// Parses what JavaScript passes to ReadinessWatch and carries its tokens back onto the event loop.
#include "bindings/readiness.h"

#include <memory>
#include <utility>
#include <vector>

#include "linux/error.h"
#include "linux/readiness.h"

namespace tsc::bindings {

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
    if (!info[0].IsFunction()) throw Napi::TypeError::New(info.Env(), "ReadinessWatch: the callback must be a function");
    // an unbounded queue is bounded by one shot: each armed fd has at most one token in it
    teller_ = Teller::New(info.Env(), info[0].As<Napi::Function>(), "ReadinessWatch", 0, 1);
    teller_.Unref(info.Env());
    watch_ = std::make_unique<ReadinessWatch>([teller = teller_](Tokens tokens) mutable {
      auto owned = std::make_unique<Tokens>(std::move(tokens));
      if (teller.NonBlockingCall(owned.get()) == napi_ok) owned.release();
    });
  }

  ~ReadinessWatchBinding() override { end(); }

 private:
  void arm(const Napi::CallbackInfo& info) {
    if (!watch_ || !info[0].IsNumber() || !info[1].IsNumber()) throw Napi::TypeError::New(info.Env(), "arm: fd and token are needed");
    try {
      watch_->arm(info[0].As<Napi::Number>().Int32Value(), info[1].As<Napi::Number>().Uint32Value());
    } catch (const RuntimeError& error) {
      throw Napi::Error::New(info.Env(), error.what());
    }
  }

  void forget(const Napi::CallbackInfo& info) {
    if (watch_ && info[0].IsNumber()) watch_->forget(info[0].As<Napi::Number>().Int32Value());
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

void add_readiness(Napi::Env env, Napi::Object exports) {
  auto constructor = std::make_shared<Napi::FunctionReference>(Napi::Persistent(ReadinessWatchBinding::define(env)));
  constructor->SuppressDestruct();  // it lives as long as the environment, which frees it itself
  exports.Set("openReadinessWatch", Napi::Function::New(env, [constructor](const Napi::CallbackInfo& info) {
                return Napi::Value(constructor->New({info[0]}));
              }));
}

}  // namespace tsc::bindings
