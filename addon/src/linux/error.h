// RuntimeError: what failed, in fields. Thrown by everything above child/, caught once per front (addon, command line).
#pragma once

#include <cerrno>
#include <exception>
#include <string>
#include <string_view>

namespace tsc {

/// Why a command could not run, in the words that every layer above uses. `none` for all other failures.
enum class Reason {
  none,
  executable_not_found,  // 127
  not_executable,        // 126
  not_found,             // no such container or process
  already_exists,        // the id is taken
  invalid_argument,      // config.json or a parameter is wrong
  wrong_state,           // the verb is not legal in the container's status
};

/// "executable-not-found", "not-executable", "not-found", ...; "" for none.
const char* reason_name(Reason reason) noexcept;

/// "ENOENT"; "E1234" for a number that has no name.
std::string errno_name(int error);

class RuntimeError : public std::exception {
 public:
  /// `operation` is e.g. "create container abc"; see the fields for the others. `error` 0: no system call failed.
  RuntimeError(std::string operation, std::string step, std::string syscall, int error, std::string path,
               std::string detail, Reason reason = Reason::none);

  const char* what() const noexcept override { return text_.c_str(); }

  /// The same failure inside a larger operation: "create container abc".
  RuntimeError within(std::string_view operation) const;

  /// Says what to do about it: the last words of the text.
  RuntimeError advised(std::string_view remedy) const;

  std::string operation;
  std::string step;     // "mount overlay on /"
  std::string syscall;  // "fsmount"
  int error;            // errno
  std::string path;
  std::string detail;
  Reason reason;
  std::string remedy;  // "raising a hard limit needs CAP_SYS_RESOURCE"; often empty

 private:
  std::string text_;
};

/// A failed system call with the present errno. Call it before anything that may change errno.
[[noreturn]] void throw_errno(std::string_view step, std::string_view syscall, std::string_view path = {});
[[noreturn]] void throw_errno(int error, std::string_view step, std::string_view syscall, std::string_view path = {});
/// A value that is wrong, not a system call: reason invalid_argument.
[[noreturn]] void throw_invalid(std::string_view step, std::string_view detail);

}  // namespace tsc
