// runtime.node: the addon's entry point.
#include "bindings/bindings.h"

namespace {

Napi::Object init(Napi::Env env, Napi::Object exports) {
  tsc::export_archive(env, exports);
  tsc::export_tree(env, exports);
  tsc::export_mounts(env, exports);
  tsc::export_fifo(env, exports);
  tsc::export_readiness(env, exports);
  tsc::export_network(env, exports);
  tsc::export_process(env, exports);
  tsc::export_runtime(env, exports);
  return exports;
}

}  // namespace

NODE_API_MODULE(runtime, init)
