// restore: the container comes from images in place of a clone; all around it is made as for create.
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <nlohmann/json.hpp>
#include <optional>
#include <sstream>
#include <utility>

#include "child/context.h"
#include "child/mounts.h"
#include "linux/criu.h"
#include "linux/error.h"
#include "linux/file.h"
#include "linux/host-mounts.h"
#include "runtime/checkpoint.h"
#include "runtime/create.h"
#include "runtime/criu-request.h"
#include "runtime/hooks.h"

namespace tsc {
namespace {

constexpr const char* kPrepare = "prepare root";

struct ExternalMount {
  std::string place, source;
};

std::string absolute_source(const std::string& bundle, const std::string& source) {
  return !source.empty() && source[0] == '/' ? source : bundle + "/" + source;
}

bool is_below(const std::string& path, const std::string& directory) {
  return path.size() > directory.size() && path.compare(0, directory.size(), directory) == 0 &&
         (directory == "/" || path[directory.size()] == '/');
}

/// Where links lead inside the root; the kernel walks, and says where it came to.
std::string place_in(const std::string& root, const std::string& destination) {
  const UniqueFd root_fd = open_file(kPrepare, root, O_PATH | O_DIRECTORY);
  const UniqueFd found(child::open_in_root(root_fd.get(), destination.c_str(), O_PATH, 0));
  if (!found) return destination;
  char path[PATH_MAX];
  const ssize_t length = readlink(("/proc/self/fd/" + std::to_string(found.get())).c_str(), path, sizeof path);
  const std::string whole(path, length < 0 ? 0 : static_cast<size_t>(length));
  return is_below(whole, root) ? whole.substr(root.size()) : destination;
}

/// Binds in the order of config.json; those on a file system of the container's own come with its images.
std::vector<oci::Mount> outer_binds(const oci::Config& config) {
  std::vector<oci::Mount> binds;
  for (size_t index = 0; index < config.mounts.size(); ++index) {
    const oci::Mount& mount = config.mounts[index];
    if (!is_bind_mount(mount)) continue;
    bool is_inner = false;
    for (size_t before = 0; before < index; ++before) {
      const oci::Mount& other = config.mounts[before];
      if (is_below(mount.destination, other.destination)) is_inner = !is_bind_mount(other);
    }
    if (!is_inner) binds.push_back(mount);
  }
  return binds;
}

void bind(const std::string& source, const std::string& target) {
  if (::mount(source.c_str(), target.c_str(), nullptr, MS_BIND | MS_REC, nullptr) != 0)
    throw_errno(kPrepare, "mount", source);
}

/// A mount point that is missing is made where it will be: one below another bind lies in that one's source, so they are
/// mounted for it in turn, and all let go of again.
void make_mount_points(const std::string& root, const std::string& bundle, const std::vector<oci::Mount>& binds) {
  const UniqueFd root_fd = open_file(kPrepare, root, O_PATH | O_DIRECTORY);
  for (const oci::Mount& mount : binds) {
    const std::string source = absolute_source(bundle, mount.source);
    struct stat found;
    if (stat(source.c_str(), &found) != 0) throw_errno(kPrepare, "stat", source);
    const UniqueFd target(child::make_target(root_fd.get(), mount.destination.c_str(), S_ISDIR(found.st_mode), 0));
    if (!target) throw_errno(kPrepare, "openat2", mount.destination);
    bind(source, "/proc/self/fd/" + std::to_string(target.get()));
  }
}

/// A mount namespace for the time of the restore, where the root is a mount point as criu wants it, out of the host's
/// sight. All that criu is given by fd has to be opened in here. Only for a process with one thread: the command line.
class OwnMounts {
 public:
  OwnMounts() : host_(open_file(kPrepare, "/proc/self/ns/mnt", O_RDONLY)) {
    if (unshare(CLONE_NEWNS) != 0) throw_errno(kPrepare, "unshare");
    if (::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) throw_errno(kPrepare, "mount", "/");
  }
  ~OwnMounts() {
    const UniqueFd directory(open(".", O_PATH | O_DIRECTORY | O_CLOEXEC));
    if (setns(host_.get(), CLONE_NEWNS) != 0 || fchdir(directory.get()) != 0) _exit(1);  // nothing can be told here
  }
  OwnMounts(const OwnMounts&) = delete;
  OwnMounts& operator=(const OwnMounts&) = delete;

  void add_root(const oci::Config& config, const ContainerRecord& record, const std::vector<RootfsMount>& rootfs,
                const std::string& root) {
    if (rootfs.empty()) {
      bind(record.rootfs, root);
    } else {
      std::vector<HostMount> mounts;
      for (const RootfsMount& mount : rootfs) mounts.push_back({mount.type, mount.source, mount.options});
      mount_all(mounts, root);
    }
    const std::vector<oci::Mount> binds = outer_binds(config);
    if (binds.empty()) return;
    bind(root, root);
    make_mount_points(root, record.bundle, binds);
    if (umount2(root.c_str(), MNT_DETACH) != 0) throw_errno(kPrepare, "umount2", root);
  }

 private:
  UniqueFd host_;
};

void enter_cgroups(const ContainerRecord& record, pid_t pid) {
  for (const auto& [name, path] : record.cgroup.paths)
    write_file("enter cgroup", path + "/cgroup.procs", std::to_string(pid));
}

/// What a restore that failed may have left in the container's groups, which are to be removed.
void kill_remains(const CgroupLocation& cgroup) {
  if (!cgroup.is_shared && !cgroup_pids(cgroup).empty()) signal_cgroup(cgroup, SIGKILL);
}

/// Pipes among our own 0, 1, 2 go to the container's user, who may want to open /dev/stdout again.
void give_pipes(std::uint32_t host_uid) {
  for (int fd = 0; fd < 3 && host_uid != 0; ++fd) {
    struct stat found;
    if (fstat(fd, &found) != 0 || !S_ISFIFO(found.st_mode) || found.st_uid == host_uid) continue;
    if (fchown(fd, host_uid, static_cast<gid_t>(-1)) != 0) continue;  // it can still be written through the fd
  }
}

void add_cgroup_roots(ProtobufWriter& fields, pid_t pid) {
  std::istringstream lines(read_file("read cgroups", "/proc/" + std::to_string(pid) + "/cgroup"));
  for (std::string line; std::getline(lines, line);) {
    const size_t first = line.find(':');
    const size_t second = line.find(':', first + 1);
    if (second == std::string::npos) continue;
    std::istringstream names(line.substr(first + 1, second - first - 1));
    std::string name;
    do {
      name.clear();
      std::getline(names, name, ',');
      ProtobufWriter root;
      root.bytes(1, name);
      root.bytes(2, line.substr(second + 1));
      fields.message(25, root);
    } while (!names.eof() && !name.empty());
  }
}

void add_mounts(CriuRequestOptions& request, const oci::Config& config, const ContainerRecord& record,
                const std::string& root) {
  for (const oci::Mount& mount : config.mounts) {
    if (is_bind_mount(mount)) {
      request.add_external_mount(place_in(root, mount.destination),
                                 absolute_source(record.bundle, mount.source));
    } else if (mount.type == "cgroup" && record.cgroup.version == 1) {
      for (const auto& [name, path] : record.cgroup.paths)
        request.add_external_mount(mount.destination + "/" + name, path);
    }
  }
  // Under this name checkpoint lists every masked file.
  if (!config.linux_.masked_paths.empty()) request.add_external_mount("/dev/null", "/dev/null");
}

/// Pipes of the images are given ours in their place; a terminal comes by notification.
void add_stdio(CriuRequestOptions& request, const std::string& image_path) {
  const std::string path = image_path + "/" + kDescriptorsFile;
  const nlohmann::json names = nlohmann::json::parse(read_file("read descriptors", path), nullptr, false);
  if (!names.is_array()) throw_invalid("read descriptors", path + ": not a list");
  for (size_t fd = 0; fd < names.size() && fd < 3; ++fd) {
    const std::string name = names[fd].is_string() ? names[fd].get<std::string>() : "";
    if (name.find("pipe:") != std::string::npos) request.add_inherited_fd(name, static_cast<int>(fd));
  }
}

void add_namespaces(CriuRequestOptions& request, const oci::Config& config, std::vector<UniqueFd>& fds) {
  const auto add = [&](std::uint64_t type, const char* name) {
    const oci::Namespace* found = config.linux_.find_namespace(type);
    if (found == nullptr || found->path.empty()) return;
    request.add_inherited_fd(name, kCriuFirstFd + static_cast<int>(fds.size()));
    fds.push_back(open_file("open namespace", found->path, O_RDONLY));
  };
  add(CLONE_NEWNET, kExternalNetwork);
  add(CLONE_NEWPID, kExternalPids);
}

}  // namespace

pid_t restore_container(const RuntimeConfig& config, const CreateRequest& request, const RestoreOptions& options,
                        Warnings& warnings) {
  try {
    std::vector<RuntimeStep> steps;
    StepClock clock(steps);
    Creation creation(config, request, PlanArena::Storage::anonymous, clock);
    const oci::Config& oci_config = creation.oci_config();
    const ContainerRecord& record = creation.record();
    check_mount_keys(oci_config);
    const std::string directory = StateStore(config.root).directory(request.id);
    unlink((directory + "/exec.fifo").c_str());  // what is restored has been started long ago
    if (options.monitor_pid != 0) creation.note_monitor(options.monitor_pid);
    give_pipes(creation.arena().plan().process.host_uid);
    const std::string root = directory + "/criu-root";
    make_directories(kPrepare, root);
    std::optional<OwnMounts> mounts(std::in_place);
    mounts->add_root(oci_config, record, request.rootfs, root);
    CriuRequestOptions criu(options, "restore.log");
    ProtobufWriter& fields = criu.fields();
    fields.flag(6, true);  // a device that moved is found again by its number
    fields.bytes(13, root);
    fields.flag(26, true);  // the restored init becomes our child
    if (!options.lsm_profile.empty()) fields.bytes(53, options.lsm_profile);
    if (!options.lsm_mount_context.empty()) fields.bytes(63, options.lsm_mount_context);
    add_mounts(criu, oci_config, record, root);
    add_stdio(criu, options.image_path);
    std::vector<UniqueFd> namespaces;
    add_namespaces(criu, oci_config, namespaces);
    CriuStart start;
    start.program = options.program;
    start.keeps_stdio = true;
    start.on_started = [&](pid_t pid) {
      enter_cgroups(record, pid);
      add_cgroup_roots(fields, pid);
    };
    for (const UniqueFd& fd : namespaces) start.fds.push_back(fd.get());
    pid_t pid = 0;
    try {
      pid = run_criu(start, CriuRequest::restore, fields, [&](CriuNotification& notification) {
        if (notification.script == "orphan-pts-master" && notification.fd) options.on_terminal(std::move(notification.fd));
        if (notification.script == "setup-namespaces") run_create_hooks(record, oci_config, notification.pid);
      });
      creation.keep(pid, options.monitor_pid);
    } catch (const RuntimeError& error) {
      kill_remains(record.cgroup);
      throw criu.explain(error);
    }
    mounts.reset();
    rmdir(root.c_str());  // a mount point until now
    warnings = creation.warnings();
    return pid;
  } catch (const RuntimeError& error) {
    throw error.within("restore container " + request.id);
  }
}

}  // namespace tsc
