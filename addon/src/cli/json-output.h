// JSON on stdout, in the order of its fields.
#pragma once

#include <nlohmann/json.hpp>

namespace tsc::cli {

/// One value and a line's end; `indent` -1 puts it on one line. What is not UTF-8 is replaced.
void print_json(const nlohmann::ordered_json& value, int indent);

}  // namespace tsc::cli
