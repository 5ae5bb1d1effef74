// Field by field; a code of its own is given where the errno alone would say it wrong.
#include "bindings/error-conversion.h"

#include "archive/bad-archive.h"
#include "linux/error.h"

namespace tsc {
namespace {

/// The project's error code (packages/core/src/errors.ts) for a reason; nullptr leaves it to the errno.
const char* code_of(Reason reason) {
  switch (reason) {
    case Reason::executable_not_found:
    case Reason::not_executable:
    case Reason::invalid_argument: return "invalid-argument";
    case Reason::not_found: return "not-found";
    case Reason::already_exists: return "already-exists";
    case Reason::wrong_state: return "failed-precondition";
    case Reason::none: break;
  }
  return nullptr;
}

/// Reasons that say no more than the code are left out.
std::string stable_reason(const RuntimeError& error) {
  if (dynamic_cast<const BadArchive*>(&error) != nullptr) return "bad-archive";
  switch (error.reason) {
    case Reason::executable_not_found:
    case Reason::not_executable:
    case Reason::wrong_state: return reason_name(error.reason);
    default: return "";
  }
}

void set_text(Napi::Object& object, const char* name, const std::string& text) {
  if (!text.empty()) object.Set(name, text);
}

Napi::Error from_runtime_error(Napi::Env env, const RuntimeError& error) {
  Napi::Error converted = Napi::Error::New(env, error.what());
  Napi::Object fields = converted.Value();
  set_text(fields, "operation", error.operation);
  set_text(fields, "step", error.step);
  set_text(fields, "syscall", error.syscall);
  set_text(fields, "path", error.path);
  set_text(fields, "detail", error.detail);
  set_text(fields, "reason", stable_reason(error));
  if (error.error != 0) {
    fields.Set("errno", error.error);
    fields.Set("errnoName", errno_name(error.error));
  }
  if (const char* code = code_of(error.reason)) fields.Set("errorCode", code);
  return converted;
}

}  // namespace

Napi::Error to_js_error(Napi::Env env, const std::exception_ptr& exception) {
  try {
    std::rethrow_exception(exception);
  } catch (const RuntimeError& error) {
    return from_runtime_error(env, error);
  } catch (const std::bad_alloc&) {
    Napi::Error converted = Napi::Error::New(env, "out of memory");
    converted.Value().Set("errorCode", "resource-exhausted");
    return converted;
  } catch (const std::exception& error) {
    return Napi::Error::New(env, error.what());
  }
}

}  // namespace tsc
