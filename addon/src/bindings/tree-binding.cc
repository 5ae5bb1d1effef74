// diskUsage, removeTree, removeTrees, makeDirectories, copyTree, syncFileSystem: packages/linux/src/tree.ts.
#include <sys/stat.h>

#include "archive/tree-copy.h"
#include "archive/tree-removal.h"
#include "archive/tree-usage.h"
#include "bindings/arguments.h"
#include "bindings/bindings.h"
#include "bindings/promise-worker.h"
#include "linux/error.h"
#include "linux/file.h"

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

/// Every one is tried; what could not be removed is the result.
std::vector<std::string> remove_trees(const std::vector<std::string>& paths) {
  std::vector<std::string> failures;
  for (const std::string& path : paths) {
    try {
      remove_tree_by_path(path);
    } catch (const RuntimeError& error) {
      failures.push_back(error.what());
    }
  }
  return failures;
}

Napi::Value remove_trees_call(const Napi::CallbackInfo& info) {
  return promise_of(
      info.Env(), [paths = strings_argument(info, 0, "paths")] { return remove_trees(paths); },
      [](Napi::Env env, const std::vector<std::string>& failures) {
        Napi::Array array = Napi::Array::New(env, failures.size());
        for (size_t index = 0; index < failures.size(); ++index) {
          array.Set(static_cast<std::uint32_t>(index), Napi::String::New(env, failures[index]));
        }
        return array;
      });
}

struct NewDirectory {
  std::string path;
  mode_t mode;
};

void make_directories(const std::vector<NewDirectory>& directories) {
  for (const NewDirectory& directory : directories) {
    if (mkdir(directory.path.c_str(), directory.mode) != 0) throw_errno("make directory", "mkdir", directory.path);
  }
}

Napi::Value make_directories_call(const Napi::CallbackInfo& info) {
  std::vector<NewDirectory> directories;
  for (const Napi::Object& object : objects_field(object_argument(info, 0, "request"), "directories")) {
    directories.push_back({path_field(object, "path"), static_cast<mode_t>(count_field(object, "mode"))});
  }
  return promise_of(info.Env(), [directories = std::move(directories)] { make_directories(directories); });
}

Napi::Value copy_tree_call(const Napi::CallbackInfo& info) {
  return promise_of(info.Env(), [source = path_argument(info, 0, "source"),
                                 target = path_argument(info, 1, "target")] { copy_tree(source, target); });
}

Napi::Value sync_file_system_call(const Napi::CallbackInfo& info) {
  return promise_of(info.Env(), [path = path_argument(info, 0, "path")] { sync_file_system(path); });
}

}  // namespace

void export_tree(Napi::Env env, Napi::Object& exports) {
  exports.Set("diskUsage", Napi::Function::New(env, disk_usage_call, "diskUsage"));
  exports.Set("removeTree", Napi::Function::New(env, remove_tree_call, "removeTree"));
  exports.Set("removeTrees", Napi::Function::New(env, remove_trees_call, "removeTrees"));
  exports.Set("makeDirectories", Napi::Function::New(env, make_directories_call, "makeDirectories"));
  exports.Set("copyTree", Napi::Function::New(env, copy_tree_call, "copyTree"));
  exports.Set("syncFileSystem", Napi::Function::New(env, sync_file_system_call, "syncFileSystem"));
}

}  // namespace tsc
