// The state root: see the header.
#include "runtime/state-store.h"

#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#include <algorithm>
#include <cerrno>
#include <nlohmann/json.hpp>

#include "child/protocol.h"
#include "linux/error.h"
#include "linux/file.h"

namespace tsc {
namespace {

using nlohmann::json;

constexpr int kRemovals = 100;  // a millisecond apart
constexpr const char* kStep = "state";
constexpr long kFirstReleasePauseNs = 500'000;
constexpr long kLastReleasePauseNs = 50'000'000;
constexpr std::int64_t kReleaseTimeoutNs = 60'000'000'000;  // a slow disk with much to write
constexpr size_t kMaxIdLength = 1024;

json to_json(const ProcessRecord& process) {
  return {{"pid", process.pid},
          {"startTime", process.start_time},
          {"monitorPid", process.monitor_pid},
          {"monitorStartTime", process.monitor_start_time},
          {"stdin", process.io.std_in},
          {"stdout", process.io.std_out},
          {"stderr", process.io.std_err},
          {"terminal", process.io.terminal}};
}

ProcessRecord process_from_json(const json& value) {
  ProcessRecord process;
  process.pid = value.at("pid");
  process.start_time = value.at("startTime");
  process.monitor_pid = value.at("monitorPid");
  process.monitor_start_time = value.at("monitorStartTime");
  process.io = {value.at("stdin"), value.at("stdout"), value.at("stderr"), value.at("terminal")};
  return process;
}

void add_traits(json& value, const ContainerTraits& traits) {
  if (traits.personality) value["personality"] = *traits.personality;
  if (traits.memory_policy) {
    value["memoryPolicy"] = {{"mode", traits.memory_policy->mode}, {"nodes", traits.memory_policy->nodes}};
  }
  for (const oci::Rlimit& limit : traits.rlimits) value["rlimits"].push_back({limit.type, limit.soft, limit.hard});
}

ContainerTraits traits_from_json(const json& value) {
  ContainerTraits traits;
  if (value.contains("personality")) traits.personality = value.at("personality").get<std::uint32_t>();
  if (value.contains("memoryPolicy")) {
    const json& policy = value.at("memoryPolicy");
    traits.memory_policy = {policy.at("mode").get<std::uint32_t>(), policy.at("nodes").get<oci::NumberMask>()};
  }
  for (const json& limit : value.value("rlimits", json::array()))
    traits.rlimits.push_back({limit.at(0), limit.at(1), limit.at(2)});
  return traits;
}

json to_json(const ContainerRecord& record) {
  json mappings = json::array();
  for (const oci::IdMapping& mapping : record.uid_mappings) {
    mappings.push_back({mapping.container_id, mapping.host_id, mapping.size});
  }
  json value = {{"ociVersion", record.oci_version},
          {"id", record.id},
          {"bundle", record.bundle},
          {"rootfs", record.rootfs},
          {"created", record.created},
          {"annotations", record.annotations},
          {"process", to_json(record.process)},
          {"cgroup", {{"version", record.cgroup.version},
            {"paths", record.cgroup.paths},
            {"unit", record.cgroup.unit},
            {"isShared", record.cgroup.is_shared}}},
          {"namespaces", record.namespaces},
          {"hasDetachedRoot", record.has_detached_root},
          {"uidMappings", mappings},
          {"noNewKeyring", record.no_new_keyring}};
  add_traits(value, record.traits);
  if (record.resctrl.exists())
    value["resctrl"] = {{"path", record.resctrl.path},
                        {"monitorPath", record.resctrl.monitor_path},
                        {"isOurs", record.resctrl.is_ours}};
  if (!record.hooks.empty()) value["hooks"] = record.hooks;
  if (!record.process_config.empty()) value["processConfig"] = record.process_config;
  return value;
}

ContainerRecord container_from_json(const json& value) {
  ContainerRecord record;
  record.oci_version = value.at("ociVersion");
  record.id = value.at("id");
  record.bundle = value.at("bundle");
  record.rootfs = value.at("rootfs");
  record.created = value.at("created");
  value.at("annotations").get_to(record.annotations);
  record.process = process_from_json(value.at("process"));
  record.cgroup.version = value.at("cgroup").at("version");
  value.at("cgroup").at("paths").get_to(record.cgroup.paths);
  record.cgroup.unit = value.at("cgroup").value("unit", "");
  record.cgroup.is_shared = value.at("cgroup").value("isShared", false);
  if (const auto group = value.find("resctrl"); group != value.end())
    record.resctrl = {group->at("path"), group->at("monitorPath"), group->at("isOurs")};
  record.namespaces = value.at("namespaces");
  record.has_detached_root = value.value("hasDetachedRoot", false);
  for (const json& mapping : value.at("uidMappings")) {
    record.uid_mappings.push_back({mapping.at(0), mapping.at(1), mapping.at(2)});
  }
  record.no_new_keyring = value.at("noNewKeyring");
  record.traits = traits_from_json(value);
  record.hooks = value.value("hooks", "");
  record.process_config = value.value("processConfig", "");
  return record;
}

/// The text of a state file, or not_found.
json read_state(const std::string& path, const std::string& missing) {
  std::string text;
  if (!try_read_file(path, text)) {
    const Reason reason = errno == ENOENT || errno == ENOTDIR ? Reason::not_found : Reason::none;
    throw RuntimeError("", kStep, "open", errno, path, reason == Reason::not_found ? missing : "", reason);
  }
  json value = json::parse(text, nullptr, false);
  if (value.is_discarded()) throw RuntimeError("", kStep, "", EIO, path, "not valid JSON");
  return value;
}

template <class Parse>
auto parse_state(const std::string& path, const json& value, Parse parse) {
  try {
    return parse(value);
  } catch (const json::exception& error) {
    throw RuntimeError("", kStep, "", EIO, path, error.what());
  }
}

std::vector<std::string> list_directories(const std::string& path) {
  std::vector<std::string> names;
  DIR* directory = opendir(path.c_str());
  if (directory == nullptr) return names;
  while (const dirent* entry = readdir(directory)) {
    if (entry->d_name[0] != '.' && entry->d_type == DT_DIR) names.push_back(entry->d_name);
  }
  closedir(directory);
  std::sort(names.begin(), names.end());
  return names;
}

void make_new(const std::string& path, const std::string& what) {
  if (mkdir(path.c_str(), 0700) == 0) return;
  const Reason reason = errno == EEXIST ? Reason::already_exists : Reason::none;
  throw RuntimeError("", kStep, "mkdir", errno, path, what, reason);
}

}  // namespace

void check_id(const std::string& id) {
  if (id.empty()) throw_invalid("check id", "container id cannot be empty");
  const char* allowed = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.+-";
  if (id.empty() || id.size() > kMaxIdLength || id.find_first_not_of(allowed) != std::string::npos || id[0] == '.') {
    throw_invalid("check id", "\"" + id.substr(0, 80) + "\" is not of [A-Za-z0-9_.+-], or begins with a dot");
  }
}

void StateStore::make(const std::string& id) const {
  make_directories(kStep, root_, 0700);
  make_new(directory(id), "container with given ID already exists");
}

void StateStore::make_exec(const std::string& id, const std::string& exec_id) const {
  make_directories(kStep, directory(id) + "/exec", 0700);
  make_new(exec_directory(id, exec_id), "a process with this exec id exists");
}

void StateStore::remove(const std::string& id) const {
  // A monitor whose process was killed a moment ago may be writing its exit record just now; it writes one file once.
  for (int attempt = 0; !remove_tree(directory(id)); ++attempt) {
    if (errno != ENOTEMPTY || attempt == kRemovals) throw_errno(kStep, "rmdir", directory(id));
    const timespec pause = {0, 1'000'000};
    nanosleep(&pause, nullptr);
  }
}

void StateStore::remove_unborn(const std::string& id) const {
  // By name, and no tree: the state root may be somebody's directory that was given by mistake.
  unlink((record_path(id) + ".new").c_str());
  rmdir(directory(id).c_str());
}

void StateStore::remove_exec(const std::string& id, const std::string& exec_id) const {
  const std::string path = exec_directory(id, exec_id);
  if (!remove_tree(path)) throw_errno(kStep, "rmdir", path);
}

void StateStore::save(const ContainerRecord& record) const {
  replace_file(kStep, record_path(record.id), to_json(record).dump());
}

ContainerRecord StateStore::load(const std::string& id) const {
  check_id(id);
  const std::string path = record_path(id);
  return parse_state(path, read_state(path, "container does not exist"), container_from_json);
}

void StateStore::save_exec(const std::string& id, const std::string& exec_id, const ProcessRecord& record) const {
  replace_file(kStep, exec_directory(id, exec_id) + "/state.json", to_json(record).dump());
}

ProcessRecord StateStore::load_process(const std::string& id, const std::string& exec_id) const {
  if (exec_id.empty()) return load(id).process;
  check_id(id);
  check_id(exec_id);
  const std::string path = exec_directory(id, exec_id) + "/state.json";
  return parse_state(path, read_state(path, "process does not exist"), process_from_json);
}

bool StateStore::load_exit(const std::string& id, const std::string& exec_id, ExitRecord& record) const {
  std::string content;
  if (!try_read_file(process_directory(id, exec_id) + "/exit", content)) return false;
  child::ExitFile file;
  if (content.size() != sizeof file) throw_errno(EIO, kStep, "read", "exit");
  memcpy(&file, content.data(), sizeof file);
  if (file.magic != child::kExitMagic) throw_errno(EIO, kStep, "read", "exit");
  const int status = file.status;
  record = {id,
            exec_id,
            file.pid,
            WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status),
            file.exited_at_ns,
            file.reserved != 0};
  return true;
}

void StateStore::wait_for_root(const std::string& id) const {
  const UniqueFd fd = open_file("release root", directory(id), O_RDONLY | O_DIRECTORY);
  timespec pause = {0, kFirstReleasePauseNs};
  std::int64_t waited = 0;
  while (flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK && errno != EINTR) throw_errno("release root", "flock", directory(id));
    if (waited >= kReleaseTimeoutNs) throw_errno(ETIMEDOUT, "release root", "flock", directory(id));
    nanosleep(&pause, nullptr);
    waited += pause.tv_nsec;
    pause.tv_nsec = std::min(2 * pause.tv_nsec, kLastReleasePauseNs);
  }
}

void StateStore::save_lost_exit(const ExitRecord& record) const {
  child::ExitFile file = {};
  file.magic = child::kExitMagic;
  file.pid = record.pid;
  // Back into wait4's form; a shell's 128+n is not told apart from a signal, nor need it be.
  file.status = record.exit_status > 128 ? record.exit_status - 128 : record.exit_status << 8;
  file.reserved = 1;
  file.exited_at_ns = record.exited_at_ns;
  replace_file(kStep, process_directory(record.id, record.exec_id) + "/exit",
               std::string_view(reinterpret_cast<const char*>(&file), sizeof file));
}

std::vector<std::string> StateStore::list() const { return list_directories(root_); }

std::vector<std::string> StateStore::list_execs(const std::string& id) const {
  return list_directories(directory(id) + "/exec");
}

}  // namespace tsc
