// create: the container exists, its init waits at exec.fifo.
#include "runtime/create.h"

#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>

#include "linux/error.h"
#include "linux/file.h"
#include "linux/pidfd.h"
#include "linux/systemd-scope.h"
#include "linux/seccomp-cache.h"
#include "runtime/container-plan.h"
#include "runtime/filter-plan.h"
#include "runtime/hooks.h"
#include "runtime/launch.h"
#include "runtime/process-plan.h"

namespace tsc {
namespace {

std::string real_path(std::string_view step, const std::string& path) {
  char* resolved = ::realpath(path.c_str(), nullptr);
  if (resolved == nullptr) throw_errno(step, "realpath", path);
  const std::string result = resolved;
  free(resolved);
  return result;
}

std::string rfc3339_now() {
  timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  tm parts;
  gmtime_r(&now.tv_sec, &parts);
  char text[40], whole[64];
  strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &parts);
  snprintf(whole, sizeof whole, "%s.%09ldZ", text, now.tv_nsec);
  return whole;
}

/// All namespaces that an exec process has to join: those of config.json, new or joined.
std::uint64_t namespace_mask(const oci::Config& config) {
  std::uint64_t mask = 0;
  for (const oci::Namespace& item : config.linux_.namespaces) mask |= item.type;
  return mask;
}

bool is_same_device(const oci::DeviceRule& one, const oci::DeviceRule& other) {
  return one.type == other.type && one.major == other.major && one.minor == other.minor && one.access == other.access;
}

/// Whether the rules end in a way that allows this already: each rule costs a system call.
bool is_allowed(const std::vector<oci::DeviceRule>& rules, const oci::DeviceRule& wanted) {
  for (auto rule = rules.rbegin(); rule != rules.rend() && rule->allow; ++rule) {
    if (rule->type == 'a' || is_same_device(*rule, wanted)) return true;
  }
  return false;
}

/// What every container may use, whatever its rules say: the default devices, ptys, and the making of nodes. Using a node
/// of linux.devices still takes a rule. runtime-spec config-linux.md, "Default Devices"
void allow_default_devices(oci::Linux& config) {
  auto& rules = config.resources.devices;
  if (rules.empty()) return;  // no rules: everything is allowed
  const auto allow = [&rules](const oci::DeviceRule& rule) {
    if (!is_allowed(rules, rule)) rules.push_back(rule);
  };
  allow({true, 'c', -1, -1, "m"});
  allow({true, 'b', -1, -1, "m"});
  constexpr std::pair<int, int> kAllowed[] = {{1, 3}, {1, 5}, {1, 7}, {1, 8},   {1, 9},
                                              {5, 0}, {5, 1}, {5, 2}, {136, -1}};
  for (const auto& [major, minor] : kAllowed) allow({true, 'c', major, minor, "rwm"});
}

/// Where runc's callers know it to be; the directory is bound and not the socket, which start makes anew.
void add_notify_socket(oci::Config& config, const std::string& directory) {
  const std::string inside = "/run/notify";
  config.mounts.push_back({inside, "bind", directory, {"bind", "nosuid", "nodev", "noexec", "ro"}});
  config.process.env.push_back("NOTIFY_SOCKET=" + inside + "/notify.sock");
}

}  // namespace

Creation::Creation(const RuntimeConfig& config, const CreateRequest& request, PlanArena::Storage storage,
                   StepClock& clock)
    : store_(config.root), arena_(storage), fds_(storage == PlanArena::Storage::memfd) {
  check_id(request.id);
  clock.begin("parse config");
  read_config(request);
  clock.begin("make state directory");
  store_.make(request.id);
  is_made_ = true;
  try {
    clock.begin("save state");
    save_plan_of_cgroup(request);
    if (request.has_notify_socket)
      make_directories("make notify directory", store_.notify_directory(request.id), 0755);
    clock.begin("create cgroup");
    make_cgroup(config, request);
    if (const auto& wanted = oci_config_.linux_.intel_rdt)
      record_.resctrl = create_resctrl_group(config.resctrl, request.id, *wanted);
    if (record_.cgroup != saved_cgroup_ || record_.resctrl.exists()) store_.save(record_);
    clock.begin("plan");
    plan(request);
    clock.end();
  } catch (...) {
    undo();
    throw;
  }
}

Creation::~Creation() {
  if (!is_kept_) undo();
}

CgroupRequest Creation::cgroup_request(const CreateRequest& request) const {
  return {oci_config_.linux_.cgroups_path, request.id, store_.cgroup_notes(), request.is_rootless};
}

/// Recorded before they are there: whoever deletes what a killed creation has left has to find them. Not so a scope, which
/// ends with its holder.
void Creation::save_plan_of_cgroup(const CreateRequest& request) {
  if (!request.systemd_cgroup)
    saved_cgroup_ = plan_cgroup(cgroup_request(request), oci_config_.linux_.resources);
  record_.cgroup = saved_cgroup_;
  store_.save(record_);
  record_.cgroup = {};
}

void Creation::make_cgroup(const RuntimeConfig& config, const CreateRequest& request) {
  oci::Linux& wanted = oci_config_.linux_;
  if (!request.systemd_cgroup) {
    record_.cgroup = create_cgroup(cgroup_request(request), wanted.resources, warnings_);
    return;
  }
  // A scope needs a process from its start, and init is not there yet: a monitor without a plan stands in for it.
  scope_holder_.emplace(config.tsrunc);
  start_scope({wanted.cgroups_path, request.id, request.is_rootless, scope_holder_->pid(), oci_config_.annotations},
              wanted.resources, record_.cgroup, warnings_);
}

void Creation::read_config(const CreateRequest& request) {
  const std::string bundle = real_path("open bundle", request.bundle);
  oci_config_ = oci::parse_config(read_file("read config", bundle + "/config.json"), request.keeps_process);
  if (!oci_config_.has_process) throw_invalid("parse config", "process: missing");
  allow_default_devices(oci_config_.linux_);
  joined_ = open_joined_namespaces(oci_config_);
  auto& environment = oci_config_.process.env;
  environment.insert(environment.end(), request.environment.begin(), request.environment.end());
  if (request.has_notify_socket) add_notify_socket(oci_config_, store_.notify_directory(request.id));
  const std::string& root = oci_config_.root_path;
  record_.oci_version = oci_config_.oci_version;
  record_.id = request.id;
  record_.bundle = bundle;
  record_.rootfs = real_path("open rootfs", root[0] == '/' ? root : bundle + "/" + root);
  record_.created = rfc3339_now();
  record_.annotations = oci_config_.annotations;
  record_.process.io = request.io;
  record_.namespaces = namespace_mask(oci_config_);
  const oci::Namespace* mounts = oci_config_.linux_.find_namespace(CLONE_NEWNS);
  record_.has_detached_root = mounts == nullptr || !mounts->path.empty();
  record_.uid_mappings = oci_config_.linux_.uid_mappings;
  record_.no_new_keyring = request.no_new_keyring;
  record_.traits = {oci_config_.linux_.personality, oci_config_.linux_.memory_policy, oci_config_.process.rlimits};
  if (!oci_config_.hooks.poststart.empty() || !oci_config_.hooks.poststop.empty())
    record_.hooks = oci_config_.hooks_text;
  record_.process_config = oci_config_.process_text;
}

/// The one that config.json names, or our own when it names none.
UniqueFd Creation::take_mount_namespace() {
  const auto found = joined_.find(CLONE_NEWNS);
  if (found == joined_.end()) return open_file("open mount namespace", "/proc/thread-self/ns/mnt", O_RDONLY);
  UniqueFd fd = std::move(found->second);
  joined_.erase(found);
  return fd;
}

void Creation::plan(const CreateRequest& request) {
  child::Plan& plan = arena_.plan();
  plan.kind = child::Kind::init;
  UniqueFd cgroup_namespace;
  if (const auto found = joined_.find(CLONE_NEWCGROUP); found != joined_.end()) {
    cgroup_namespace = std::move(found->second);
    joined_.erase(found);
  }
  if (record_.has_detached_root) plan.mount_namespace_fd = fds_.add(take_mount_namespace());
  plan_namespaces(arena_, oci_config_, std::move(joined_), fds_);
  plan_net_devices(arena_, oci_config_);
  plan_cgroups(arena_, record_.cgroup, std::move(cgroup_namespace), fds_);
  plan_resctrl(arena_, record_.resctrl, fds_);
  plan_mounts(arena_, oci_config_, record_.bundle, record_.rootfs, request.rootfs, record_.cgroup,
              request.no_pivot_root);
  plan_devices(arena_, oci_config_);
  plan_sysctls(arena_, oci_config_);
  plan_hooks(arena_, oci_config_, record_);
  const ProcessContext context = {oci_config_.linux_.has_namespace(CLONE_NEWUSER), record_.uid_mappings,
                                  request.no_new_keyring, request.id, record_.traits};
  plan_process(arena_, oci_config_.process, context, warnings_);
  if (const std::string& profile = oci_config_.linux_.seccomp; !profile.empty()) {
    plan_filter(arena_, *cached_seccomp(profile, store_.seccomp_cache(), store_.seccomp_link(request.id)), record_);
  }
  const std::string fifo = store_.directory(request.id) + "/exec.fifo";
  if (mkfifo(fifo.c_str(), 0600) != 0) throw_errno("make exec.fifo", "mkfifo", fifo);
  plan.exec_fifo_fd = fds_.add(open_file("make exec.fifo", fifo, O_RDWR));
}

void Creation::note_monitor(pid_t monitor_pid) {
  record_.process.monitor_pid = monitor_pid;
  record_.process.monitor_start_time = process_start_time(monitor_pid);
  store_.save(record_);
}

void Creation::keep(pid_t pid, pid_t monitor_pid) {
  ProcessRecord& process = record_.process;
  process.pid = pid;
  process.start_time = process_start_time(pid);
  process.monitor_pid = monitor_pid;
  process.monitor_start_time = monitor_pid == 0 ? 0 : process_start_time(monitor_pid);
  store_.save(record_);
  scope_holder_.reset();
  is_kept_ = true;
}

void Creation::undo() noexcept {
  if (!is_made_) return;
  is_made_ = false;
  scope_holder_.reset();
  try {
    if (record_.cgroup.exists()) remove_cgroup(record_.cgroup, store_.cgroup_notes());
    remove_resctrl_group(record_.resctrl);
  } catch (const RuntimeError&) {
    // The failure that brought us here is the one to tell; the state directory stays, so that delete can finish this.
    return;
  }
  remove_tree(store_.directory(record_.id));
  // By the specification a creation that fails goes on with the container's destruction, which ends with these.
  if (!record_.hooks.empty()) run_poststop_hooks(record_);
}

CreatedProcess create_container(const RuntimeConfig& config, const CreateRequest& request) {
  try {
    CreatedProcess created;
    StepClock clock(created.steps);
    check_id(request.id);
    clock.begin("spawn monitor");
    reap_children();
    // First of all: where none is waiting, it starts up on another processor while the plan is made here.
    MonitorProcess monitor(config.tsrunc);
    Creation creation(config, request, PlanArena::Storage::memfd, clock);
    plan_io(creation.arena(), request.io);
    Launched launched = launch(monitor, request.id, creation.arena(), creation.fds(),
                               StateStore(config.root).directory(request.id), created.steps, clock);
    clock.begin("save state");
    KillUnlessKept guard(launched);
    creation.keep(launched.pid, launched.monitor_pid);
    guard.keep();
    clock.end();
    created.pid = launched.pid;
    created.monitor_pid = launched.monitor_pid;
    created.exit_fd = std::move(launched.exit_fd);
    created.warnings = std::move(creation.warnings());
    for (std::string& warning : launched.warnings) created.warnings.push_back(std::move(warning));
    return created;
  } catch (const RuntimeError& error) {
    throw error.within("create container " + request.id);
  }
}

}  // namespace tsc
