// Field by field. Both ends are of one build; what does not parse is told as an error all the same.
#include "runtime/restore-message.h"

#include <nlohmann/json.hpp>

#include "linux/error.h"

namespace tsc {
namespace {

using nlohmann::json;

constexpr const char* kStep = "restore under a monitor";

template <class Read>
auto parsed(const std::string& text, Read read) {
  try {
    return read(json::parse(text));
  } catch (const json::exception& error) {
    throw RuntimeError("", kStep, "", EPROTO, "", error.what());
  }
}

json io_to_json(const ProcessIo& io) {
  return {{"stdin", io.std_in}, {"stdout", io.std_out}, {"stderr", io.std_err}, {"terminal", io.terminal}};
}

ProcessIo io_from_json(const json& value) {
  return {value.at("stdin"), value.at("stdout"), value.at("stderr"), value.at("terminal")};
}

json criu_to_json(const CriuOptions& options) {
  return {{"program", options.program},
          {"imagePath", options.image_path},
          {"workPath", options.work_path},
          {"cgroupsMode", options.cgroups_mode},
          {"tcpEstablished", options.tcp_established},
          {"extUnixSk", options.ext_unix_sk},
          {"fileLocks", options.file_locks},
          {"shellJob", options.shell_job}};
}

CriuOptions criu_from_json(const json& value) {
  CriuOptions options;
  options.program = value.at("program");
  options.image_path = value.at("imagePath");
  options.work_path = value.at("workPath");
  options.cgroups_mode = value.at("cgroupsMode");
  options.tcp_established = value.at("tcpEstablished");
  options.ext_unix_sk = value.at("extUnixSk");
  options.file_locks = value.at("fileLocks");
  options.shell_job = value.at("shellJob");
  return options;
}

}  // namespace

std::string encode_order(const RestoreOrder& order) {
  json rootfs = json::array();
  for (const RootfsMount& mount : order.request.rootfs) rootfs.push_back({mount.type, mount.source, mount.options});
  return json{{"root", order.config.root},
              {"resctrl", order.config.resctrl},
              {"id", order.request.id},
              {"bundle", order.request.bundle},
              {"io", io_to_json(order.request.io)},
              {"rootfs", rootfs},
              {"noPivotRoot", order.request.no_pivot_root},
              {"noNewKeyring", order.request.no_new_keyring},
              {"systemdCgroup", order.request.systemd_cgroup},
              {"criu", criu_to_json(order.criu)},
              {"path", order.path}}
      .dump();
}

RestoreOrder decode_order(const std::string& text) {
  return parsed(text, [](const json& value) {
    RestoreOrder order;
    order.config.root = value.at("root");
    order.config.resctrl = value.at("resctrl");
    order.request.id = value.at("id");
    order.request.bundle = value.at("bundle");
    order.request.io = io_from_json(value.at("io"));
    for (const json& mount : value.at("rootfs"))
      order.request.rootfs.push_back({mount.at(0), mount.at(1), mount.at(2).get<std::vector<std::string>>()});
    order.request.no_pivot_root = value.at("noPivotRoot");
    order.request.no_new_keyring = value.at("noNewKeyring");
    order.request.systemd_cgroup = value.at("systemdCgroup");
    order.criu = criu_from_json(value.at("criu"));
    order.path = value.at("path");
    return order;
  });
}

std::string encode_outcome(const RestoreOutcome& outcome) {
  return json{{"pid", outcome.pid}, {"warnings", outcome.warnings}}.dump();
}

std::string encode_failure(const RuntimeError& error) {
  // criu's words may hold any bytes: those that are no UTF-8 are replaced
  return json{{"operation", error.operation}, {"step", error.step},     {"syscall", error.syscall},
              {"error", error.error},         {"path", error.path},     {"detail", error.detail},
              {"reason", error.reason},       {"remedy", error.remedy}}
      .dump(-1, ' ', false, json::error_handler_t::replace);
}

RestoreOutcome decode_outcome(const std::string& text) {
  return parsed(text, [](const json& value) -> RestoreOutcome {
    if (value.contains("pid")) return {value.at("pid"), value.at("warnings").get<Warnings>()};
    const RuntimeError error(value.at("operation"), value.at("step"), value.at("syscall"), value.at("error"),
                             value.at("path"), value.at("detail"), value.at("reason").get<Reason>());
    const std::string remedy = value.at("remedy");
    throw remedy.empty() ? error : error.advised(remedy);
  });
}

}  // namespace tsc
