// Command line options: see the header.
#include "cli/options.h"

#include <cstdlib>

#include "linux/error.h"

namespace tsc::cli {
namespace {

const Option* find_name(const std::vector<Option>& known, const std::string& name) {
  for (const Option& option : known) {
    if (name == option.name) return &option;
  }
  return nullptr;
}

const Option* find_letter(const std::vector<Option>& known, char letter) {
  for (const Option& option : known) {
    if (letter == option.letter && letter != 0) return &option;
  }
  return nullptr;
}

[[noreturn]] void refuse(const std::string& word, const char* why) {
  throw UsageError(std::string(why) + ": " + word, true);
}

/// A flag without a value, or with one of the words that Go's flag package knows.
bool is_set(const std::string& flag, const std::string& value) {
  for (const char* word : {"1", "t", "T", "true", "TRUE", "True"}) {
    if (value == word) return true;
  }
  for (const char* word : {"0", "f", "F", "false", "FALSE", "False"}) {
    if (value == word) return false;
  }
  throw UsageError("invalid boolean value \"" + value + "\" for flag " + flag, true);
}

}  // namespace

Options::Options(const std::vector<std::string>& words, const std::vector<Option>& known, bool stops_at_argument) {
  for (size_t index = 0; index < words.size(); ++index) {
    const std::string& word = words[index];
    if (word == "--" || (stops_at_argument && (word.empty() || word[0] != '-'))) {
      arguments_.insert(arguments_.end(), words.begin() + static_cast<long>(index) + (word == "--" ? 1 : 0),
                        words.end());
      return;
    }
    if (word.size() < 2 || word[0] != '-') {
      arguments_.push_back(word);
      continue;
    }
    const bool is_long = word[1] == '-';
    const size_t equals = word.find('=');
    const std::string name =
        word.substr(is_long ? 2 : 1, equals == std::string::npos ? equals : equals - (is_long ? 2 : 1));
    // As Go's flag package, which runc's users are used to: one dash or two make no difference to a long name.
    const Option* option = find_name(known, name);
    if (option == nullptr && !is_long && name.size() == 1) option = find_letter(known, name[0]);
    if (option == nullptr && !is_long) {
      // Several letters in one word: only flags.
      for (const char letter : word.substr(1)) {
        const Option* flag = find_letter(known, letter);
        if (flag == nullptr || flag->takes_value) refuse(word, "flag provided but not defined");
        values_[flag->name].push_back("");
      }
      continue;
    }
    if (option == nullptr) refuse(word.substr(0, equals), "flag provided but not defined");
    if (!option->takes_value) {
      if (equals == std::string::npos || is_set(word.substr(0, equals), word.substr(equals + 1)))
        values_[option->name].push_back("");
    } else if (equals != std::string::npos) {
      values_[option->name].push_back(word.substr(equals + 1));
    } else if (index + 1 < words.size()) {
      values_[option->name].push_back(words[++index]);
    } else {
      refuse(word, "flag needs an argument");
    }
  }
}

std::string Options::value(const std::string& name, const std::string& fallback) const {
  const auto found = values_.find(name);
  return found == values_.end() ? fallback : found->second.back();
}

const std::vector<std::string>& Options::all(const std::string& name) const {
  static const std::vector<std::string> none;
  const auto found = values_.find(name);
  return found == values_.end() ? none : found->second;
}

void Options::expect_arguments(const char* command, size_t least, size_t most) const {
  const size_t count = arguments_.size();
  if (count >= least && count <= most) return;
  const std::string start = "tsrunc: \"" + std::string(command) + "\" requires ";
  if (least == most) throw UsageError(start + "exactly " + std::to_string(least) + " argument(s)");
  if (count < least) throw UsageError(start + "a minimum of " + std::to_string(least) + " argument(s)");
  throw UsageError(start + "a maximum of " + std::to_string(most) + " argument(s)");
}

long long flag_integer(const std::string& flag, const std::string& text) {
  char* end = nullptr;
  const long long value = std::strtoll(text.c_str(), &end, 10);
  if (text.empty() || *end != '\0')
    throw UsageError("invalid value \"" + text + "\" for flag " + flag + ": not a number", true);
  return value;
}

long long to_integer(const std::string& name, const std::string& text) {
  char* end = nullptr;
  const long long value = std::strtoll(text.c_str(), &end, 10);
  if (text.empty() || *end != '\0') throw_invalid("command line", name + ": \"" + text + "\" is not a number");
  return value;
}

}  // namespace tsc::cli
