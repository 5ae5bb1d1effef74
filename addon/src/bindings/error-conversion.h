// A C++ exception as a JavaScript Error whose facts are fields; packages/linux/src/errors.ts reads them.
#pragma once

#include <napi.h>

#include <exception>

namespace tsc {

Napi::Error to_js_error(Napi::Env env, const std::exception_ptr& exception);

/// Runs a short synchronous body; what it throws becomes the JavaScript exception.
template <typename Body>
auto converting_errors(Napi::Env env, Body body) {
  try {
    return body();
  } catch (const Napi::Error&) {
    throw;
  } catch (...) {
    throw to_js_error(env, std::current_exception());
  }
}

}  // namespace tsc
