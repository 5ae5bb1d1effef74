// setSubreaper, peerCredentials, trimMalloc, execUnshare: packages/linux/src/process.ts and unshare.ts.
#include <malloc.h>

#include <climits>

#include "bindings/arguments.h"
#include "bindings/bindings.h"
#include "bindings/error-conversion.h"
#include "linux/execute.h"
#include "linux/peer-credentials.h"
#include "runtime/runtime.h"

namespace tsc {
namespace {

Napi::Value set_subreaper_call(const Napi::CallbackInfo& info) {
  return converting_errors(info.Env(), [&] {
    become_subreaper();
    return info.Env().Undefined();
  });
}

Napi::Value peer_credentials_call(const Napi::CallbackInfo& info) {
  return converting_errors(info.Env(), [&] {
    const PeerCredentials peer = peer_credentials(static_cast<int>(integer_argument(info, 0, "fd", 0, INT_MAX)));
    Napi::Object object = Napi::Object::New(info.Env());
    object.Set("pid", peer.pid);
    object.Set("uid", peer.uid);
    object.Set("gid", peer.gid);
    return object;
  });
}

Napi::Value trim_malloc_call(const Napi::CallbackInfo& info) {
  malloc_trim(0);
  return info.Env().Undefined();
}

/// The command line of `tsrunc unshare`: util-linux's long options.
std::vector<std::string> unshare_arguments(const Napi::Object& options) {
  std::vector<std::string> arguments = {"tsrunc", "unshare"};
  for (const std::string& name : strings_field(options, "namespaces")) {
    arguments.push_back("--" + (name == "network" ? "net" : name));
  }
  if (boolean_field(options, "fork")) arguments.push_back("--fork");
  if (boolean_field(options, "mountProc")) arguments.push_back("--mount-proc");
  if (boolean_field(options, "mapRootUser")) arguments.push_back("--map-root-user");
  arguments.push_back("--");
  for (const std::string& word : strings_field(options, "argv")) arguments.push_back(word);
  return arguments;
}

Napi::Value exec_unshare_call(const Napi::CallbackInfo& info) {
  return converting_errors(info.Env(), [&]() -> Napi::Value {
    execute(path_argument(info, 1, "tsrunc"), unshare_arguments(object_argument(info, 0, "options")));
  });
}

}  // namespace

void export_process(Napi::Env env, Napi::Object& exports) {
  exports.Set("setSubreaper", Napi::Function::New(env, set_subreaper_call, "setSubreaper"));
  exports.Set("peerCredentials", Napi::Function::New(env, peer_credentials_call, "peerCredentials"));
  exports.Set("trimMalloc", Napi::Function::New(env, trim_malloc_call, "trimMalloc"));
  exports.Set("execUnshare", Napi::Function::New(env, exec_unshare_call, "execUnshare"));
}

}  // namespace tsc
