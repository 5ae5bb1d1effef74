// Numbers with units: see the header.
#include "cli/quantities.h"

#include <cmath>
#include <cstdlib>
#include <cstring>

#include "linux/error.h"

namespace tsc::cli {
namespace {

constexpr double kMost = 9.2e18;  // below 2^63

[[noreturn]] void refuse(const std::string& option, const std::string& text, const char* what) {
  throw_invalid("command line", "invalid value for " + option + ": \"" + text + "\" is not " + what);
}

/// A decimal number at the front of `text`; moves `text` behind it. False when there is none.
bool take_number(const char*& text, double& value) {
  if (*text != '.' && (*text < '0' || *text > '9')) return false;  // strtod would take "inf", "0x" and signs, too
  if (text[0] == '0' && (text[1] == 'x' || text[1] == 'X')) return false;
  char* end = nullptr;
  value = std::strtod(text, &end);
  if (end == text) return false;
  text = end;
  return true;
}

double unit_milliseconds(const char*& text) {
  struct Unit {
    const char* name;
    double milliseconds;
  };
  constexpr Unit kUnits[] = {{"ms", 1},   {"us", 1e-3}, {"\xc2\xb5s", 1e-3}, {"ns", 1e-6},
                             {"s", 1000}, {"m", 60000}, {"h", 3600000}};
  for (const Unit& unit : kUnits) {
    const size_t length = strlen(unit.name);
    if (strncmp(text, unit.name, length) != 0) continue;
    text += length;
    return unit.milliseconds;
  }
  return 0;
}

}  // namespace

std::int64_t to_bytes(const std::string& option, const std::string& text) {
  constexpr const char* kWhat = "a size such as 64M";
  if (text == "-1") return -1;
  const char* rest = text.c_str();
  double value;
  if (!take_number(rest, value)) refuse(option, text, kWhat);
  while (*rest == ' ') ++rest;
  const char* units = "kmgtp";
  const char* unit = *rest == '\0' ? nullptr : strchr(units, tolower(*rest));
  if (unit != nullptr) {
    value *= std::pow(1024, unit - units + 1);
    ++rest;
    if (*rest == 'i' || *rest == 'I') ++rest;
  }
  if (*rest == 'b' || *rest == 'B') ++rest;
  if (*rest != '\0' || value > kMost) refuse(option, text, kWhat);
  return static_cast<std::int64_t>(value);
}

std::int64_t to_milliseconds(const std::string& option, const std::string& text) {
  constexpr const char* kWhat = "a duration such as 5s";
  const char* rest = text.c_str();
  double total = 0, value;
  if (*rest == '\0') refuse(option, text, kWhat);
  while (*rest != '\0') {
    if (!take_number(rest, value)) refuse(option, text, kWhat);
    const bool is_alone = *rest == '\0' && total == 0;
    const double unit = is_alone ? 1000 : unit_milliseconds(rest);
    if (unit == 0) refuse(option, text, kWhat);
    total += value * unit;
  }
  if (total > kMost) refuse(option, text, kWhat);
  return static_cast<std::int64_t>(total);
}

}  // namespace tsc::cli
