// mountAll, mountIdMapped, canMapIds, unmountAll, listMountsBelow, unmountBelow, readFilesFromMounts, readFilesInRoot, lookUpInRoot, bindBeneath: packages/linux/src/mounts.ts.
#include "bindings/arguments.h"
#include "bindings/bindings.h"
#include "bindings/promise-worker.h"
#include "linux/host-mounts.h"
#include "linux/id-mapped-mount.h"
#include "linux/root-files.h"

namespace tsc {
namespace {

Napi::Array to_js_strings(Napi::Env env, const std::vector<std::string>& strings) {
  Napi::Array array = Napi::Array::New(env, strings.size());
  for (uint32_t i = 0; i < strings.size(); ++i) array.Set(i, strings[i]);
  return array;
}

HostMount mount_of(const Napi::Value& value) {
  if (!value.IsObject()) throw Napi::TypeError::New(value.Env(), "mounts must be an array of objects");
  const Napi::Object object = value.As<Napi::Object>();
  return {string_field(object, "type"), string_field(object, "source"), strings_field(object, "options")};
}

std::vector<HostMount> mounts_argument(const Napi::CallbackInfo& info) {
  const Napi::Array array = array_argument(info, 0, "mounts");
  std::vector<HostMount> mounts;
  for (uint32_t i = 0; i < array.Length(); ++i) mounts.push_back(mount_of(array.Get(i)));
  return mounts;
}

Napi::Value mount_all_call(const Napi::CallbackInfo& info) {
  return promise_of(info.Env(), [mounts = mounts_argument(info), target = path_argument(info, 1, "target")] {
    mount_all(mounts, target);
  });
}

Napi::Value unmount_all_call(const Napi::CallbackInfo& info) {
  return promise_of(info.Env(), [target = path_argument(info, 0, "target")] { unmount_all(target); });
}

Napi::Value list_mounts_below_call(const Napi::CallbackInfo& info) {
  return promise_of(
      info.Env(), [path = path_argument(info, 0, "path")] { return list_mounts_below(path); }, to_js_strings);
}

Napi::Value unmount_below_call(const Napi::CallbackInfo& info) {
  return promise_of(
      info.Env(), [path = path_argument(info, 0, "path")] { return unmount_below(path); }, to_js_strings);
}

Napi::Value mount_id_mapped_call(const Napi::CallbackInfo& info) {
  const IdMaps maps = {string_argument(info, 2, "uids"), string_argument(info, 3, "gids")};
  return promise_of(info.Env(), [source = path_argument(info, 0, "source"), target = path_argument(info, 1, "target"),
                                 maps] { mount_id_mapped(source, target, maps); });
}

Napi::Value can_map_ids_call(const Napi::CallbackInfo& info) {
  return Napi::Boolean::New(info.Env(), can_map_ids(path_argument(info, 0, "directory")));
}

constexpr std::int64_t kMaxFileBytes = 64 << 20;

std::size_t bytes_argument(const Napi::CallbackInfo& info) {
  return static_cast<std::size_t>(integer_argument(info, 2, "maxBytes", 0, kMaxFileBytes));
}

Napi::Array texts_to_js(Napi::Env env, const FileTexts& texts) {
  Napi::Array array = Napi::Array::New(env, texts.size());
  for (uint32_t i = 0; i < texts.size(); ++i) {
    if (texts[i]) array.Set(i, *texts[i]);
    else array.Set(i, env.Null());
  }
  return array;
}

Napi::Value read_files_from_mounts_call(const Napi::CallbackInfo& info) {
  return promise_of(
      info.Env(),
      [mounts = mounts_argument(info), paths = strings_argument(info, 1, "paths"), bytes = bytes_argument(info)] {
        return read_files_from_mounts(mounts, paths, bytes);
      },
      texts_to_js);
}

Napi::Value read_files_in_root_call(const Napi::CallbackInfo& info) {
  return promise_of(
      info.Env(),
      [root = path_argument(info, 0, "root"), paths = strings_argument(info, 1, "paths"),
       bytes = bytes_argument(info)] { return read_files_in_root(root, paths, bytes); },
      texts_to_js);
}

Napi::Value look_up_in_root_call(const Napi::CallbackInfo& info) {
  return promise_of(
      info.Env(),
      [root = path_argument(info, 0, "root"), path = string_argument(info, 1, "path")] {
        return look_up_in_root(root, path);
      },
      [](Napi::Env env, const std::optional<RootPlace>& place) -> Napi::Value {
        if (!place) return env.Null();
        Napi::Object object = Napi::Object::New(env);
        object.Set("mode", place->mode);
        object.Set("size", static_cast<double>(place->size));
        object.Set("modifiedSeconds", static_cast<double>(place->modified_seconds));
        object.Set("modifiedNanoseconds", static_cast<double>(place->modified_nanoseconds));
        object.Set("link", place->link);
        return object;
      });
}

Napi::Value bind_beneath_call(const Napi::CallbackInfo& info) {
  return promise_of(info.Env(), [root = path_argument(info, 0, "root"), path = path_argument(info, 1, "path"),
                                 target = path_argument(info, 2, "target")] { bind_beneath(root, path, target); });
}

}  // namespace

void export_mounts(Napi::Env env, Napi::Object& exports) {
  exports.Set("mountIdMapped", Napi::Function::New(env, mount_id_mapped_call, "mountIdMapped"));
  exports.Set("canMapIds", Napi::Function::New(env, can_map_ids_call, "canMapIds"));
  exports.Set("mountAll", Napi::Function::New(env, mount_all_call, "mountAll"));
  exports.Set("unmountAll", Napi::Function::New(env, unmount_all_call, "unmountAll"));
  exports.Set("listMountsBelow", Napi::Function::New(env, list_mounts_below_call, "listMountsBelow"));
  exports.Set("readFilesFromMounts", Napi::Function::New(env, read_files_from_mounts_call, "readFilesFromMounts"));
  exports.Set("readFilesInRoot", Napi::Function::New(env, read_files_in_root_call, "readFilesInRoot"));
  exports.Set("lookUpInRoot", Napi::Function::New(env, look_up_in_root_call, "lookUpInRoot"));
  exports.Set("bindBeneath", Napi::Function::New(env, bind_beneath_call, "bindBeneath"));
  exports.Set("unmountBelow", Napi::Function::New(env, unmount_below_call, "unmountBelow"));
}

}  // namespace tsc
