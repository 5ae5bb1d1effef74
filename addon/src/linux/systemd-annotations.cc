// Annotations that become properties of the container's scope: which, and how their values are written. The annotations
// of a container may come from whoever wrote its image or its pod, so nothing is taken on trust.
#include <algorithm>
#include <cstdlib>

#include "linux/error.h"
#include "linux/systemd-properties.h"

namespace tsc {
namespace {

constexpr std::string_view kPrefix = "org.systemd.property.";

/// Bounds on the scope's own resources and time. Not here: what runs programs, orders or pulls in other units, names
/// paths or users of the host, or opens devices.
constexpr std::string_view kAllowed[] = {
    "AllowedCPUs",
    "AllowedMemoryNodes",
    "CPUQuotaPerSecUSec",
    "CPUQuotaPeriodUSec",
    "CPUShares",
    "CPUWeight",
    "CollectMode",
    "IOWeight",
    "ManagedOOMMemoryPressure",
    "ManagedOOMPreference",
    "ManagedOOMSwap",
    "MemoryHigh",
    "MemoryLimit",
    "MemoryLow",
    "MemoryMax",
    "MemoryMin",
    "MemorySwapMax",
    "OOMPolicy",
    "RuntimeMaxUSec",
    "RuntimeRandomizedExtraUSec",
    "StartupCPUWeight",
    "StartupIOWeight",
    "TasksMax",
    "TimeoutStopUSec",
};

class TextParser {
 public:
  TextParser(const std::string& key, const std::string& text) : key_(key), text_(text) {}

  DbusValue parse() {
    const DbusValue value = parse_value();
    skip_blanks();
    if (at_ != text_.size()) refuse();
    return value;
  }

 private:
  [[noreturn]] void refuse() const {
    throw_invalid("set limits", "annotation " + key_ + ": \"" + text_ + "\" is not a value in GVariant's text form");
  }
  void skip_blanks() {
    while (at_ < text_.size() && text_[at_] == ' ') ++at_;
  }
  bool take(char letter) {
    skip_blanks();
    if (at_ >= text_.size() || text_[at_] != letter) return false;
    ++at_;
    return true;
  }
  std::string take_word() {
    skip_blanks();
    const size_t begin = at_;
    while (at_ < text_.size() && (isalnum(static_cast<unsigned char>(text_[at_])) || strchr_sign(text_[at_]))) ++at_;
    return text_.substr(begin, at_ - begin);
  }
  static bool strchr_sign(char letter) { return letter == '-' || letter == '+' || letter == '.'; }

  DbusValue parse_value() {
    skip_blanks();
    if (at_ >= text_.size()) refuse();
    if (text_[at_] == '\'' || text_[at_] == '"') return parse_string();
    if (take('[')) return parse_list();
    const std::string word = take_word();
    if (word == "true" || word == "false") return word == "true";
    if (word == "uint64") return parse_unsigned<std::uint64_t>(UINT64_MAX);
    if (word == "uint32") return parse_unsigned<std::uint32_t>(UINT32_MAX);
    if (word == "int64") return parse_signed<std::int64_t>(take_word(), INT64_MIN, INT64_MAX);
    if (word == "int32") return parse_signed<std::int32_t>(take_word(), INT32_MIN, INT32_MAX);
    if (word.find('.') != std::string::npos) return parse_double(word);
    return parse_signed<std::int32_t>(word, INT32_MIN, INT32_MAX);
  }

  std::string parse_string() {
    const char quote = text_[at_++];
    std::string value;
    for (; at_ < text_.size() && text_[at_] != quote; ++at_) {
      if (text_[at_] == '\\' && at_ + 1 < text_.size()) ++at_;
      value += text_[at_];
    }
    if (at_ == text_.size()) refuse();
    ++at_;
    return value;
  }

  std::vector<std::string> parse_list() {
    std::vector<std::string> values;
    while (!take(']')) {
      skip_blanks();
      if (at_ >= text_.size() || (text_[at_] != '\'' && text_[at_] != '"')) refuse();
      values.push_back(parse_string());
      if (!take(',') && (at_ >= text_.size() || text_[at_] != ']')) refuse();
    }
    return values;
  }

  template <class Number>
  Number parse_unsigned(std::uint64_t most) {
    const std::string word = take_word();
    char* end = nullptr;
    errno = 0;
    const unsigned long long value = std::strtoull(word.c_str(), &end, 10);
    if (word.empty() || word[0] == '-' || *end != '\0' || errno != 0 || value > most) refuse();
    return static_cast<Number>(value);
  }

  template <class Number>
  Number parse_signed(const std::string& word, std::int64_t least, std::int64_t most) const {
    char* end = nullptr;
    errno = 0;
    const long long value = std::strtoll(word.c_str(), &end, 10);
    if (word.empty() || *end != '\0' || errno != 0 || value < least || value > most) refuse();
    return static_cast<Number>(value);
  }

  double parse_double(const std::string& word) const {
    char* end = nullptr;
    const double value = std::strtod(word.c_str(), &end);
    if (*end != '\0') refuse();
    return value;
  }

  const std::string& key_;
  const std::string& text_;
  size_t at_ = 0;
};

/// As in unit files, and in runc: "TimeoutStopSec" with a number of seconds means TimeoutStopUSec with microseconds.
void turn_seconds_into_microseconds(DbusProperty& property) {
  const std::string_view suffix = "Sec";
  if (!property.name.ends_with(suffix) || property.name.ends_with("USec")) return;
  const double* fraction = std::get_if<double>(&property.value);
  const std::int32_t* whole = std::get_if<std::int32_t>(&property.value);
  if (fraction == nullptr && whole == nullptr) return;
  const double seconds = fraction != nullptr ? *fraction : *whole;
  if (seconds < 0) return;
  property.name.replace(property.name.size() - suffix.size(), suffix.size(), "USec");
  property.value = static_cast<std::uint64_t>(seconds * 1000000);
}

}  // namespace

std::vector<DbusProperty> annotation_properties(const std::map<std::string, std::string>& annotations) {
  std::vector<DbusProperty> properties;
  for (const auto& [key, text] : annotations) {
    if (!key.starts_with(kPrefix)) continue;
    DbusProperty property = {key.substr(kPrefix.size()), TextParser(key, text).parse()};
    turn_seconds_into_microseconds(property);
    if (std::find(std::begin(kAllowed), std::end(kAllowed), property.name) == std::end(kAllowed))
      throw_invalid("set limits", "annotation " + key + ": not among the properties that a container may set");
    properties.push_back(std::move(property));
  }
  return properties;
}

}  // namespace tsc
