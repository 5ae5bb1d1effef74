// netDevices: devices of the host that a container takes over, with their global addresses. The stage moves them into
// the container's network namespace; the container's init, inside, gives them their addresses and sets them up.
#pragma once

#include "child/stage.h"

namespace tsc::child {

/// Moves each device to `stage.child_pid`'s namespace; counts them in stage.moved_devices. False: failure recorded.
bool move_net_devices(Stage& stage);
/// Undoes that, as far as it came.
void return_net_devices(Stage& stage);

/// Inside. Ends the process on failure.
void configure_net_devices(Context& context);

}  // namespace tsc::child
