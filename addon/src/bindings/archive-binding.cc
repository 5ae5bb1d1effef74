// applyLayer, takeAfterParents, writeImage, writeTree, packTree, extractTree: packages/linux/src/archive.ts.
#include "archive/erofs-tree.h"
#include "archive/layer-applier.h"
#include "archive/layer-writer.h"
#include "archive/tree-image.h"
#include "bindings/arguments.h"
#include "bindings/bindings.h"
#include "bindings/promise-worker.h"
#include "bindings/thread-promise.h"

namespace tsc {
namespace {

Whiteouts whiteouts_field(const Napi::Object& request) {
  const std::string word = string_field(request, "whiteouts");
  if (word == "overlay") return Whiteouts::overlay;
  if (word == "user-overlay") return Whiteouts::user_overlay;
  if (word == "delete") return Whiteouts::deletion;
  if (word == "none") return Whiteouts::none;
  throw Napi::TypeError::New(request.Env(), "whiteouts must be 'overlay', 'user-overlay', 'delete' or 'none'");
}

Compression compression_field(const Napi::Object& request) {
  const std::string word = string_field(request, "compression");
  if (word == "none") return Compression::none;
  if (word == "gzip") return Compression::gzip;
  if (word == "zstd") return Compression::zstd;
  throw Napi::TypeError::New(request.Env(), "compression must be 'none', 'gzip' or 'zstd'");
}

IdShift ids_field(const Napi::Object& request) {
  return {static_cast<std::uint32_t>(count_field(request, "firstId")),
          static_cast<std::uint32_t>(count_field(request, "idCount"))};
}

Napi::Value apply_layer_call(const Napi::CallbackInfo& info) {
  const Napi::Object object = object_argument(info, 0, "request");
  LayerRequest request;
  request.blob = path_field(object, "blob");
  if (object.Has("image")) request.image = path_field(object, "image");
  else request.target = path_field(object, "target");
  request.whiteouts = whiteouts_field(object);
  request.max_bytes = count_field(object, "maxBytes");
  request.parents = strings_field(object, "parents");
  request.sync = boolean_field(object, "sync");
  request.is_detached = boolean_field(object, "isDetached");
  // a thread of its own: several layers at once must not hold all of libuv's pool
  return promise_on_thread(
      info.Env(), [request = std::move(request)] { return apply_layer(request); },
      [](Napi::Env env, const LayerResult& result) {
        Napi::Object applied = Napi::Object::New(env);
        applied.Set("diffId", result.diff_id);
        applied.Set("size", static_cast<double>(result.size));
        applied.Set("entries", static_cast<double>(result.entries));
        applied.Set("implied", Napi::Buffer<char>::Copy(env, result.implied.data(), result.implied.size()));
        return applied;
      });
}

Napi::Value take_after_parents_call(const Napi::CallbackInfo& info) {
  const Napi::Object object = object_argument(info, 0, "request");
  const Napi::Value implied = object.Get("implied");
  if (!implied.IsBuffer()) throw Napi::TypeError::New(info.Env(), "implied must be a buffer");
  const auto bytes = implied.As<Napi::Buffer<char>>();
  const bool is_image = object.Has("image");
  return promise_of(info.Env(), [is_image, place = path_field(object, is_image ? "image" : "target"),
                                 parents = strings_field(object, "parents"),
                                 names = std::string(bytes.Data(), bytes.Length())] {
    if (is_image) take_after_parents_in_image(place, parents, names);
    else take_after_parents(place, parents, names);
  });
}

Napi::Value write_image_call(const Napi::CallbackInfo& info) {
  const Napi::Object object = object_argument(info, 0, "request");
  return promise_of(info.Env(), [source = path_field(object, "source"), image = path_field(object, "image"),
                                 user = boolean_field(object, "isUserOverlay"), sync = boolean_field(object, "sync")] {
    write_image(source, image, user, sync);
  });
}

Napi::Value write_tree_call(const Napi::CallbackInfo& info) {
  const Napi::Object object = object_argument(info, 0, "request");
  WriteRequest request;
  request.source = path_field(object, "source");
  request.archive = path_field(object, "archive");
  request.excluded = strings_field(object, "excluded");
  request.overlay_whiteouts = boolean_field(object, "overlayWhiteouts");
  request.user_overlay = boolean_field(object, "isUserOverlay");
  request.compression = compression_field(object);
  request.ids = ids_field(object);
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

Napi::Value pack_tree_call(const Napi::CallbackInfo& info) {
  const Napi::Object object = object_argument(info, 0, "request");
  WriteRequest request;
  request.source = path_field(object, "root");
  request.path = string_field(object, "path");
  request.name = string_field(object, "name");
  request.archive = path_field(object, "pipe");
  request.is_pipe = true;
  request.ids = ids_field(object);
  return promise_on_thread(
      info.Env(),
      [request = std::move(request)] {
        write_layer(request);
        return true;
      },
      [](Napi::Env env, bool) { return env.Undefined(); });
}

Napi::Value extract_tree_call(const Napi::CallbackInfo& info) {
  const Napi::Object object = object_argument(info, 0, "request");
  LayerRequest request;
  request.blob = path_field(object, "pipe");
  request.operation = "extract archive";
  request.target = path_field(object, "root");
  request.prefix = string_field(object, "path");
  request.whiteouts = Whiteouts::none;
  request.keeps_types = boolean_field(object, "keepsTypes");
  request.ids = ids_field(object);
  if (boolean_field(object, "hasOwner")) {
    request.owner = LayerRequest::Owner{static_cast<std::uint32_t>(count_field(object, "uid")),
                                        static_cast<std::uint32_t>(count_field(object, "gid"))};
  }
  return promise_on_thread(
      info.Env(),
      [request = std::move(request)] {
        apply_layer(request);
        return true;
      },
      [](Napi::Env env, bool) { return env.Undefined(); });
}

}  // namespace

void export_archive(Napi::Env env, Napi::Object& exports) {
  exports.Set("applyLayer", Napi::Function::New(env, apply_layer_call, "applyLayer"));
  exports.Set("packTree", Napi::Function::New(env, pack_tree_call, "packTree"));
  exports.Set("extractTree", Napi::Function::New(env, extract_tree_call, "extractTree"));
  exports.Set("takeAfterParents", Napi::Function::New(env, take_after_parents_call, "takeAfterParents"));
  exports.Set("writeImage", Napi::Function::New(env, write_image_call, "writeImage"));
  exports.Set("writeTree", Napi::Function::New(env, write_tree_call, "writeTree"));
}

}  // namespace tsc
