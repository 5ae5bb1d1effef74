// applyLayer, writeTree: packages/linux/src/archive.ts.
#include "archive/layer-applier.h"
#include "archive/layer-writer.h"
#include "bindings/arguments.h"
#include "bindings/bindings.h"
#include "bindings/promise-worker.h"

namespace tsc {
namespace {

Whiteouts whiteouts_field(const Napi::Object& request) {
  const std::string word = string_field(request, "whiteouts");
  if (word == "overlay") return Whiteouts::overlay;
  if (word == "delete") return Whiteouts::deletion;
  throw Napi::TypeError::New(request.Env(), "whiteouts must be 'overlay' or 'delete'");
}

Compression compression_field(const Napi::Object& request) {
  const std::string word = string_field(request, "compression");
  if (word == "none") return Compression::none;
  if (word == "gzip") return Compression::gzip;
  if (word == "zstd") return Compression::zstd;
  throw Napi::TypeError::New(request.Env(), "compression must be 'none', 'gzip' or 'zstd'");
}

Napi::Value apply_layer_call(const Napi::CallbackInfo& info) {
  const Napi::Object object = object_argument(info, 0, "request");
  LayerRequest request = {path_field(object, "blob"),      path_field(object, "target"),
                          whiteouts_field(object),         count_field(object, "maxBytes"),
                          strings_field(object, "parents"), boolean_field(object, "sync")};
  return promise_of(
      info.Env(), [request = std::move(request)] { return apply_layer(request); },
      [](Napi::Env env, const LayerResult& result) {
        Napi::Object applied = Napi::Object::New(env);
        applied.Set("diffId", result.diff_id);
        applied.Set("size", static_cast<double>(result.size));
        applied.Set("entries", static_cast<double>(result.entries));
        return applied;
      });
}

Napi::Value write_tree_call(const Napi::CallbackInfo& info) {
  const Napi::Object object = object_argument(info, 0, "request");
  WriteRequest request = {path_field(object, "source"), path_field(object, "archive"),
                          boolean_field(object, "overlayWhiteouts"), compression_field(object)};
  return promise_of(
      info.Env(), [request = std::move(request)] { return write_layer(request); },
      [](Napi::Env env, const WriteResult& result) {
        Napi::Object written = Napi::Object::New(env);
        written.Set("diffId", result.diff_id);
        written.Set("digest", result.digest);
        written.Set("size", static_cast<double>(result.size));
        return written;
      });
}

}  // namespace

void export_archive(Napi::Env env, Napi::Object& exports) {
  exports.Set("applyLayer", Napi::Function::New(env, apply_layer_call, "applyLayer"));
  exports.Set("writeTree", Napi::Function::New(env, write_tree_call, "writeTree"));
}

}  // namespace tsc
