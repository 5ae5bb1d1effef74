// RuntimeError: see the header.
#include "linux/error.h"

#include <string.h>

namespace tsc {
namespace {

std::string compose(const RuntimeError& error) {
  std::string text = error.operation;
  const auto append = [&text](const std::string& part) {
    if (part.empty()) return;
    if (!text.empty()) text += ": ";
    text += part;
  };
  append(error.step);
  if (!error.path.empty() && error.step.find(error.path) == std::string::npos) text += " " + error.path;
  append(error.detail);
  if (error.error != 0) {
    const char* words = strerrordesc_np(error.error);
    append(errno_name(error.error) + (words == nullptr ? "" : " (" + std::string(words) + ")"));
  }
  append(error.remedy);
  return text;
}

}  // namespace

const char* reason_name(Reason reason) noexcept {
  switch (reason) {
    case Reason::none: return "";
    case Reason::executable_not_found: return "executable-not-found";
    case Reason::not_executable: return "not-executable";
    case Reason::not_found: return "not-found";
    case Reason::already_exists: return "already-exists";
    case Reason::invalid_argument: return "invalid-argument";
    case Reason::wrong_state: return "wrong-state";
  }
  return "";
}

std::string errno_name(int error) {
  const char* name = strerrorname_np(error);
  return name == nullptr ? "E" + std::to_string(error) : name;
}

RuntimeError::RuntimeError(std::string operation, std::string step, std::string syscall, int error, std::string path,
                           std::string detail, Reason reason)
    : operation(std::move(operation)),
      step(std::move(step)),
      syscall(std::move(syscall)),
      error(error),
      path(std::move(path)),
      detail(std::move(detail)),
      reason(reason) {
  text_ = compose(*this);
}

RuntimeError RuntimeError::within(std::string_view outer) const {
  std::string whole(outer);
  if (!operation.empty()) whole += ": " + operation;
  return RuntimeError(std::move(whole), step, syscall, error, path, detail, reason).advised(remedy);
}

RuntimeError RuntimeError::advised(std::string_view words) const {
  RuntimeError advised = *this;
  advised.remedy = words;
  advised.text_ = compose(advised);
  return advised;
}

void throw_errno(std::string_view step, std::string_view syscall, std::string_view path) {
  throw_errno(errno, step, syscall, path);
}

void throw_errno(int error, std::string_view step, std::string_view syscall, std::string_view path) {
  throw RuntimeError("", std::string(step), std::string(syscall), error, std::string(path), "");
}

void throw_invalid(std::string_view step, std::string_view detail) {
  throw RuntimeError("", std::string(step), "", 0, "", std::string(detail), Reason::invalid_argument);
}

}  // namespace tsc
