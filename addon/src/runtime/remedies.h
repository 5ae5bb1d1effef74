// What to do about a failed step, where that is known: the last words of an error.
#pragma once

#include <string>

#include "child/plan.h"
#include "child/protocol.h"

namespace tsc {

/// A clause such as "raising a hard limit needs CAP_SYS_RESOURCE"; empty when nothing better is known than the errno.
/// `plan` may be null.
std::string remedy_for(const child::Report& report, const child::Plan* plan);

}  // namespace tsc
