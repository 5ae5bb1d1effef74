// openNetlink, exchangeNetlink, createNetworkNamespace, writeNetworkSysctls, openBoundSocket, openSocketIn, localPort,
// connectUnixDatagram: packages/linux/src/netlink.ts, network-namespace.ts and unix-datagram.ts.
#include <climits>

#include "bindings/arguments.h"
#include "bindings/bindings.h"
#include "bindings/promise-worker.h"
#include "linux/error.h"
#include "linux/netlink.h"
#include "linux/network-namespace.h"
#include "linux/unix-datagram.h"

namespace tsc {
namespace {

int fd_argument(const Napi::CallbackInfo& info, size_t index, const char* name, int least = 0) {
  return static_cast<int>(integer_argument(info, index, name, least, INT_MAX));
}

Napi::Number fd_to_js(Napi::Env env, UniqueFd& fd) { return Napi::Number::New(env, fd.release()); }

Napi::Value open_netlink_call(const Napi::CallbackInfo& info) {
  return promise_of(
      info.Env(),
      [protocol = fd_argument(info, 0, "protocol"), space = fd_argument(info, 1, "namespaceFd", -1)] {
        return open_netlink(protocol, space);
      },
      fd_to_js);
}

Napi::Object reply_to_js(Napi::Env env, const NetlinkReply& reply) {
  Napi::Object object = Napi::Object::New(env);
  object.Set("messages", Napi::Buffer<std::uint8_t>::Copy(env, reply.messages.data(), reply.messages.size()));
  Napi::Array failures = Napi::Array::New(env, reply.failures.size());
  for (uint32_t i = 0; i < reply.failures.size(); ++i) {
    const NetlinkFailure& failure = reply.failures[i];
    Napi::Object entry = Napi::Object::New(env);
    entry.Set("sequence", failure.sequence);
    entry.Set("errno", failure.error);
    entry.Set("errnoName", errno_name(failure.error));
    entry.Set("detail", failure.detail);
    failures.Set(i, entry);
  }
  object.Set("failures", failures);
  return object;
}

Napi::Value exchange_netlink_call(const Napi::CallbackInfo& info) {
  const int fd = fd_argument(info, 0, "fd");
  if (!info[1].IsTypedArray()) throw Napi::TypeError::New(info.Env(), "request must be bytes");
  const auto bytes = info[1].As<Napi::Uint8Array>();
  std::vector<std::uint8_t> request(bytes.Data(), bytes.Data() + bytes.ByteLength());
  return promise_of(
      info.Env(), [fd, request = std::move(request)] { return exchange_netlink(fd, request); }, reply_to_js);
}

NetworkSysctls sysctls_argument(const Napi::CallbackInfo& info, size_t index) {
  const Napi::Object object = object_argument(info, index, "sysctls");
  NetworkSysctls sysctls;
  const Napi::Array names = object.GetPropertyNames();
  for (uint32_t i = 0; i < names.Length(); ++i) {
    const std::string name = names.Get(i).As<Napi::String>().Utf8Value();
    sysctls.emplace_back(name, string_field(object, name.c_str()));
  }
  return sysctls;
}

Napi::Value create_network_namespace_call(const Napi::CallbackInfo& info) {
  return promise_of(
      info.Env(), [sysctls = sysctls_argument(info, 0)] { return create_network_namespace(sysctls); }, fd_to_js);
}

Napi::Value write_network_sysctls_call(const Napi::CallbackInfo& info) {
  return promise_of(info.Env(), [space = fd_argument(info, 0, "namespaceFd"), sysctls = sysctls_argument(info, 1)] {
    write_network_sysctls(space, sysctls);
  });
}

Napi::Value open_socket_in_call(const Napi::CallbackInfo& info) {
  return promise_of(
      info.Env(),
      [space = fd_argument(info, 0, "namespaceFd", -1), family = fd_argument(info, 1, "family"),
       type = fd_argument(info, 2, "type")] { return open_socket_in(space, family, type | SOCK_NONBLOCK, 0); },
      fd_to_js);
}

Napi::Value open_bound_socket_call(const Napi::CallbackInfo& info) {
  const int space = fd_argument(info, 0, "namespaceFd", -1);
  const Napi::Object object = object_argument(info, 1, "wanted");
  BoundSocket wanted = {static_cast<int>(count_field(object, "family")),
                        static_cast<int>(count_field(object, "type")),
                        static_cast<int>(count_field(object, "protocol")),
                        string_field(object, "address"),
                        static_cast<std::uint16_t>(count_field(object, "port")),
                        boolean_field(object, "listens")};
  return promise_of(
      info.Env(), [space, wanted = std::move(wanted)] { return open_bound_socket(space, wanted); }, fd_to_js);
}

Napi::Value local_port_call(const Napi::CallbackInfo& info) {
  return converting_errors(info.Env(), [&]() -> Napi::Value {
    return Napi::Number::New(info.Env(), local_port(fd_argument(info, 0, "fd")));
  });
}

Napi::Value connect_unix_datagram_call(const Napi::CallbackInfo& info) {
  return converting_errors(info.Env(), [&]() -> Napi::Value {
    UniqueFd fd = connect_unix_datagram(path_argument(info, 0, "path"));
    return fd_to_js(info.Env(), fd);
  });
}

}  // namespace

void export_network(Napi::Env env, Napi::Object& exports) {
  const auto set = [&](const char* name, Napi::Value (*call)(const Napi::CallbackInfo&)) {
    exports.Set(name, Napi::Function::New(env, call, name));
  };
  set("openNetlink", open_netlink_call);
  set("exchangeNetlink", exchange_netlink_call);
  set("createNetworkNamespace", create_network_namespace_call);
  set("writeNetworkSysctls", write_network_sysctls_call);
  set("openSocketIn", open_socket_in_call);
  set("openBoundSocket", open_bound_socket_call);
  set("localPort", local_port_call);
  set("connectUnixDatagram", connect_unix_datagram_call);
}

}  // namespace tsc
