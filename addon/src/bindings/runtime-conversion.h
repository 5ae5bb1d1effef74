// The runtime's requests and answers between C++ and JavaScript: packages/linux/src/runtime.ts, field by field.
#pragma once

#include <napi.h>

#include "runtime/checkpoint.h"
#include "runtime/runtime.h"

namespace tsc {

CreateRequest to_create_request(const Napi::Object& object);
ExecRequest to_exec_request(const Napi::Object& object);
/// Of RestoreRequest; the rest of it is a CreateRequest.
CriuOptions to_restore_options(const Napi::Object& object);
CheckpointOptions to_checkpoint_options(const Napi::Object& object);

Napi::Object to_js(Napi::Env env, const CreatedProcess& created);
Napi::Object to_js(Napi::Env env, const StartedProcess& started);
Napi::Object to_js(Napi::Env env, const ContainerState& state);
Napi::Object to_js(Napi::Env env, const ContainerStats& stats);
Napi::Object to_js(Napi::Env env, const ExitRecord& record);
Napi::Object to_js(Napi::Env env, const AdoptedProcess& adopted);
Napi::Array to_js(Napi::Env env, const std::vector<pid_t>& pids);
Napi::Array to_js(Napi::Env env, const Warnings& warnings);

}  // namespace tsc
