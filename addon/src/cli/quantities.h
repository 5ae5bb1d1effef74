// Numbers with units on the command line, in the forms that runc's users write: "64M", "1.5G", "5s", "1m30s".
#pragma once

#include <cstdint>
#include <string>

namespace tsc::cli {

/// Bytes: "1024", "64M", "64MB", "64MiB", "1.5g", "-1"; every unit counts by 1024. Throws, naming `option`.
std::int64_t to_bytes(const std::string& option, const std::string& text);

/// Milliseconds: "5s", "250ms", "1m30s"; a number alone counts seconds. Throws, naming `option`.
std::int64_t to_milliseconds(const std::string& option, const std::string& text);

}  // namespace tsc::cli
