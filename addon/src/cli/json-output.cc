// JSON on stdout: see the header.
#include "cli/json-output.h"

#include <stdio.h>

namespace tsc::cli {

void print_json(const nlohmann::ordered_json& value, int indent) {
  printf("%s\n", value.dump(indent, ' ', false, nlohmann::ordered_json::error_handler_t::replace).c_str());
}

}  // namespace tsc::cli
