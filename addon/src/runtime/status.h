// The OCI status of a container, derived from what is true now rather than from what was once written.
#pragma once

#include <string>

#include "runtime/state-store.h"

namespace tsc {

/// creating, created, running, paused or stopped.
std::string container_status(const StateStore& store, const ContainerRecord& record);

}  // namespace tsc
