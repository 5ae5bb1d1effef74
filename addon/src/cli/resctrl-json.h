// The intel_rdt part of `tsrunc events`.
#pragma once

#include <nlohmann/json.hpp>

#include "linux/resctrl.h"

namespace tsc::cli {

/// runc's types.IntelRdt, field by field; {} for a container without a group.
nlohmann::ordered_json resctrl_json(const ResctrlGroup& group);

}  // namespace tsc::cli
