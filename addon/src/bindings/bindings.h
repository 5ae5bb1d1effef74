// What each binding file adds to the addon's exports; addon.cc calls them.
#pragma once

#include <napi.h>

namespace tsc {

void export_archive(Napi::Env env, Napi::Object& exports);
void export_tree(Napi::Env env, Napi::Object& exports);
void export_mounts(Napi::Env env, Napi::Object& exports);
void export_fifo(Napi::Env env, Napi::Object& exports);
void export_readiness(Napi::Env env, Napi::Object& exports);
void export_network(Napi::Env env, Napi::Object& exports);
void export_process(Napi::Env env, Napi::Object& exports);
void export_runtime(Napi::Env env, Napi::Object& exports);

}  // namespace tsc
