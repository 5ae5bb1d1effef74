// The JavaScript face of ReadinessWatch: openReadinessWatch(callback) gives arm(fd, token), forget(fd) and close().
#pragma once

#include <napi.h>

namespace tsc::bindings {

/// Adds the function `openReadinessWatch` to the addon's exports.
void add_readiness(Napi::Env env, Napi::Object exports);

}  // namespace tsc::bindings
