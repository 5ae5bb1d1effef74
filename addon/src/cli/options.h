// Command line options in the style of runc's: -b X, --bundle X, --bundle=X, flags before or between arguments.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "linux/error.h"

namespace tsc::cli {

/// The command line itself is wrong: the caller gets the command's usage, too.
class UsageError : public RuntimeError {
 public:
  explicit UsageError(const std::string& what, bool is_of_flag = false)
      : RuntimeError("", "", "", 0, "", what, Reason::invalid_argument), is_of_flag(is_of_flag) {}

  bool is_of_flag;  // not of the number of arguments
};

struct Option {
  const char* name;  // "bundle"
  char letter;       // 'b' or 0
  bool takes_value;
};

class Options {
 public:
  /// `stops_at_argument`: everything from the first argument on is left alone (the command of exec and unshare).
  /// Throws UsageError for an unknown option, or a wrong value of a flag.
  Options(const std::vector<std::string>& words, const std::vector<Option>& known, bool stops_at_argument);

  bool has(const std::string& name) const { return values_.count(name) != 0; }
  std::string value(const std::string& name, const std::string& fallback = "") const;
  const std::vector<std::string>& all(const std::string& name) const;
  const std::vector<std::string>& arguments() const { return arguments_; }
  /// Throws UsageError unless there are so many arguments.
  void expect_arguments(const char* command, size_t least, size_t most) const;

 private:
  std::map<std::string, std::vector<std::string>> values_;
  std::vector<std::string> arguments_;
};

/// The value of a flag that is an integer; throws UsageError when it is not one.
long long flag_integer(const std::string& flag, const std::string& text);

/// An integer option; throws when it is not one.
long long to_integer(const std::string& name, const std::string& text);

}  // namespace tsc::cli
