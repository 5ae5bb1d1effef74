// diskUsage, removeTree, copyTree: packages/linux/src/tree.ts.
#include "archive/tree-copy.h"
#include "archive/tree-removal.h"
#include "archive/tree-usage.h"
#include "bindings/arguments.h"
#include "bindings/bindings.h"
#include "bindings/promise-worker.h"

namespace tsc {
namespace {

Napi::Value disk_usage_call(const Napi::CallbackInfo& info) {
  return promise_of(
      info.Env(), [path = path_argument(info, 0, "path")] { return measure_tree(path); },
      [](Napi::Env env, const TreeUsage& usage) {
        Napi::Object object = Napi::Object::New(env);
        object.Set("bytes", static_cast<double>(usage.bytes));
        object.Set("inodes", static_cast<double>(usage.inodes));
        return object;
      });
}

Napi::Value remove_tree_call(const Napi::CallbackInfo& info) {
  return promise_of(info.Env(), [path = path_argument(info, 0, "path")] { remove_tree_by_path(path); });
}

Napi::Value copy_tree_call(const Napi::CallbackInfo& info) {
  return promise_of(info.Env(), [source = path_argument(info, 0, "source"),
                                 target = path_argument(info, 1, "target")] { copy_tree(source, target); });
}

}  // namespace

void export_tree(Napi::Env env, Napi::Object& exports) {
  exports.Set("diskUsage", Napi::Function::New(env, disk_usage_call, "diskUsage"));
  exports.Set("removeTree", Napi::Function::New(env, remove_tree_call, "removeTree"));
  exports.Set("copyTree", Napi::Function::New(env, copy_tree_call, "copyTree"));
}

}  // namespace tsc
