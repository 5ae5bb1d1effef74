// checkpoint: see the header.
#include "runtime/checkpoint.h"

#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <nlohmann/json.hpp>
#include <sstream>

#include "child/context.h"
#include "linux/criu.h"
#include "linux/error.h"
#include "linux/file.h"
#include "runtime/criu-request.h"
#include "runtime/outer-stdio.h"
#include "runtime/state-store.h"
#include "runtime/status.h"

namespace tsc {
namespace {

struct MountEntry {
  std::string place, file_system;
};

/// The container's mounts, their places as it sees them. proc(5), /proc/PID/mountinfo
std::vector<MountEntry> container_mounts(pid_t pid) {
  std::vector<MountEntry> mounts;
  std::istringstream lines(read_file("read mounts", "/proc/" + std::to_string(pid) + "/mountinfo"));
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    MountEntry entry;
    std::string word;
    for (int index = 0; index < 5; ++index) words >> entry.place;
    while (words >> word && word != "-") continue;
    words >> entry.file_system;
    mounts.push_back(entry);
  }
  return mounts;
}

/// Where a destination of config.json lies once its links have been followed, in the container's own view.
std::string place_of(pid_t pid, const std::string& destination) {
  const std::string root = "/proc/" + std::to_string(pid) + "/root";
  const UniqueFd root_fd = open_file("open root", root, O_PATH | O_DIRECTORY);
  char inside[PATH_MAX];
  // realpath(3) would follow absolute links on the host: the kernel resolves it as the container does.
  const UniqueFd found(child::open_in_root(root_fd.get(), destination.c_str(), O_PATH, 0));
  if (!found) return destination;
  const std::string link = "/proc/self/fd/" + std::to_string(found.get());
  const ssize_t length = readlink(link.c_str(), inside, sizeof inside);
  return length <= 0 ? destination : std::string(inside, static_cast<size_t>(length));
}

std::string target_of(pid_t pid, const std::string& what) {
  char target[PATH_MAX];
  const std::string path = "/proc/" + std::to_string(pid) + "/" + what;
  const ssize_t length = readlink(path.c_str(), target, sizeof target);
  if (length < 0) throw_errno("read link", "readlink", path);
  return {target, static_cast<size_t>(length)};
}

void add_mounts(CriuRequestOptions& request, const oci::Config& config, pid_t pid) {
  const std::vector<MountEntry> mounts = container_mounts(pid);
  const auto add = [&](const std::string& place) { request.add_external_mount(place, place); };
  for (const oci::Mount& mount : config.mounts) {
    if (is_bind_mount(mount)) add(place_of(pid, mount.destination));
  }
  for (const MountEntry& entry : mounts) {
    if (entry.file_system == "cgroup") add(entry.place);
  }
  for (const std::string& path : config.linux_.masked_paths) {
    struct stat found;
    const std::string inside = "/proc/" + std::to_string(pid) + "/root" + path;
    if (stat(inside.c_str(), &found) == 0 && !S_ISDIR(found.st_mode)) request.add_external_mount(path, "/dev/null");
  }
}

/// "net[4026532008]:extRootNetNS": the namespace stays where it is.
void add_namespaces(CriuRequestOptions& request, const oci::Config& config, pid_t pid) {
  const auto add = [&](std::uint64_t type, const char* word, const char* name) {
    const oci::Namespace* found = config.linux_.find_namespace(type);
    if (found == nullptr || found->path.empty()) return;
    std::string target = target_of(pid, std::string("ns/") + word);  // net:[4026532008]
    target.erase(target.find(':'), 1);
    request.fields().bytes(37, target + ":" + name);
  };
  add(CLONE_NEWNET, "net", kExternalNetwork);
  add(CLONE_NEWPID, "pid", kExternalPids);
}

void add_page_server(ProtobufWriter& fields, const std::string& text) {
  const size_t colon = text.rfind(':');
  const int port = colon == std::string::npos ? 0 : atoi(text.c_str() + colon + 1);
  if (port <= 0 || port > 65535) throw_invalid("command line", "--page-server: not ADDRESS:PORT: " + text);
  ProtobufWriter server;
  server.bytes(1, text.substr(0, colon));
  server.number(2, port);
  fields.message(11, server);
}

std::array<std::string, 3> descriptors_of(pid_t pid) {
  std::array<std::string, 3> names;
  for (size_t fd = 0; fd < names.size(); ++fd) names[fd] = target_of(pid, "fd/" + std::to_string(fd));
  return names;
}

/// Told by criu that the images are whole, while the container waits: what is thrown here lets it go on.
void finish_images(const std::string& images, const OuterStdio& outer, std::array<std::string, 3> descriptors) {
  const std::array<std::string, 3> pipes = turn_into_pipes(images, outer);
  for (size_t fd = 0; fd < pipes.size(); ++fd) {
    if (!pipes[fd].empty()) descriptors[fd] = pipes[fd];
  }
  replace_file("write descriptors", images + "/" + kDescriptorsFile, nlohmann::json(descriptors).dump());
}

/// SIGKILL came from criu; in a frozen group of v1 it waits for the thaw.
void let_end(const ContainerRecord& record) {
  if (is_cgroup_frozen(record.cgroup)) freeze_cgroup(record.cgroup, false);
}

void check_parent(const CheckpointOptions& options) {
  if (options.parent_path.empty()) return;
  if (options.parent_path[0] == '/')
    throw_invalid("command line", "--parent-path: must be relative to --image-path: " + options.parent_path);
  const std::string path = options.image_path + "/" + options.parent_path;
  struct stat found;
  if (stat(path.c_str(), &found) != 0) throw_errno("find images of --parent-path", "stat", path);
}

void dump(const StateStore& store, const ContainerRecord& record, const CheckpointOptions& options) {
  const pid_t pid = record.process.pid;
  const oci::Config config = oci::parse_config(read_file("read config", record.bundle + "/config.json"));
  check_mount_keys(config);
  make_directories("make image directory", options.image_path, 0700);
  check_parent(options);
  CriuRequestOptions request(options, "dump.log");
  ProtobufWriter& fields = request.fields();
  fields.number(2, pid);
  fields.flag(3, options.leave_running);
  fields.bytes(13, record.rootfs);
  if (!options.parent_path.empty()) {
    fields.bytes(14, options.parent_path);
    fields.flag(15, true);
  } else {
    fields.flag(15, options.pre_dump);
  }
  if (!options.page_server.empty()) add_page_server(fields, options.page_server);
  const std::string freezer = record.cgroup.find(record.cgroup.version == 1 ? "freezer" : "");
  if (!freezer.empty()) fields.bytes(44, freezer);
  if (options.status_fd >= 0) fields.number(49, options.status_fd);
  add_namespaces(request, config, pid);
  OuterStdio outer;
  std::array<std::string, 3> descriptors;
  if (!options.pre_dump) {
    add_mounts(request, config, pid);
    outer = find_outer_stdio(cgroup_pids(record.cgroup), pid, record.process.io);
    for (const auto& [name, fd] : outer) fields.bytes(37, name);
    descriptors = descriptors_of(pid);
  }
  CriuStart start;
  start.program = options.program;
  try {
    run_criu(start, options.pre_dump ? CriuRequest::pre_dump : CriuRequest::dump, fields, [&](CriuNotification& told) {
      if (told.script == "post-dump" && !options.pre_dump) finish_images(options.image_path, outer, descriptors);
    });
  } catch (const RuntimeError& error) {
    throw request.explain(error);
  }
}

}  // namespace

Warnings checkpoint_container(const RuntimeConfig& config, const std::string& id, const CheckpointOptions& options) {
  try {
    const StateStore store(config.root);
    const ContainerRecord record = store.load(id);
    const std::string status = container_status(store, record);
    if (status != "running" && status != "paused")
      throw RuntimeError("", "checkpoint", "", 0, "", "the container is " + status, Reason::wrong_state);
    dump(store, record, options);
    if (options.leave_running || options.pre_dump) return {};
    let_end(record);
    if (options.keeps_container) return {};
  } catch (const RuntimeError& error) {
    throw error.within("checkpoint container " + id);
  }
  return delete_container(config, id, true);
}

}  // namespace tsc
