// The plan: everything that the processes after clone need, laid out flat by the parent and obeyed by the child.
//
// It is built in one piece of memory (a memfd for the monitor, anonymous memory for the tsrunc command) and holds no
// absolute address: a Ref is relative to itself, so the bytes may be mapped anywhere. Nothing in it is allocated
// later; the few fields under "filled in" are the child's scratch space.
#pragma once

#include <cstdint>

namespace tsc::child {

/// A pointer relative to its own address; zero is null.
template <class T>
class Ref {
 public:
  Ref() = default;
  Ref(const Ref&) = delete;
  Ref& operator=(const Ref&) = delete;

  T* get() const {
    return offset_ == 0 ? nullptr : reinterpret_cast<T*>(reinterpret_cast<std::intptr_t>(this) + offset_);
  }
  void set(const T* target) {
    offset_ = target == nullptr ? 0 : reinterpret_cast<std::intptr_t>(target) - reinterpret_cast<std::intptr_t>(this);
  }
  explicit operator bool() const { return offset_ != 0; }

 private:
  std::int64_t offset_;
};

using Text = Ref<const char>;

template <class T>
struct List {
  Ref<T> items;
  std::uint64_t count;

  T& operator[](std::uint64_t index) const { return items.get()[index]; }
  T* begin() const { return items.get(); }
  T* end() const { return items.get() + count; }
};

struct FsOption {
  Text key;
  Text value;  // null: a flag
};

enum class MountKind : std::uint8_t {
  filesystem,  // fsopen in the container's namespaces
  classic,     // mount(2): what the mount API has no word for (iversion)
  remount,     // new attributes for what is mounted at the target
  bind,        // a tree of the host, cloned by the stage
  prepared,    // fsopen by the stage, in the host's user namespace (the root filesystem)
  cgroup_v1,   // a tmpfs with one mount per hierarchy below it
};

struct Mount {
  MountKind kind;
  bool is_recursive_bind;
  bool refuses_symlinks;   // /proc and /sys: a link there would aim the mount elsewhere (CVE-2019-19921)
  bool is_readonly_later;  // once the targets of the mounts below it have been made
  bool is_proc;
  bool may_cover_proc;  // config.json itself names a place in /proc that may be covered
  bool is_devpts;
  bool keeps_mode;  // a tmpfs without a word about its mode has that of the directory below it
  bool copies_up;   // tmpcopyup: what the directory below holds is copied into the tmpfs
  bool is_idmapped;
  bool is_idmap_recursive;
  Text type;
  Text source;
  List<FsOption> options;
  Text legacy_data;  // for kernels whose fsconfig cannot take these options
  std::uint64_t classic_flags;  // MS_* of a classic mount
  Text uid_map, gid_map;        // idmapped: as a user namespace takes them
  Text id_namespace;            // or the path of the user namespace that has them
  std::uint64_t attributes_set;
  std::uint64_t attributes_clear;
  std::uint64_t recursive_set;
  std::uint64_t recursive_clear;
  std::uint64_t propagation;  // MS_SHARED, MS_SLAVE, MS_PRIVATE, MS_UNBINDABLE or 0
  bool is_propagation_recursive;
  Text target;  // absolute, inside the root filesystem
  // filled in by the stage
  int tree_fd;
  bool is_source_directory;
};

struct CgroupHierarchy {
  Text name;         // directory below /sys/fs/cgroup in the container: "cpu"
  Text controllers;  // mount option: "cpu", "name=systemd"
  int tasks_fd;      // the container's `tasks` file, -1 when the container has no directory there
};

struct Device {
  Text path;           // absolute, inside the root filesystem
  std::uint32_t mode;  // with S_IFCHR, S_IFBLK or S_IFIFO
  std::uint32_t major;
  std::uint32_t minor;
  std::uint32_t uid;
  std::uint32_t gid;
  bool is_bound;  // the host's node instead of a new one: in a user namespace, where mknod is not allowed
  // filled in by the stage: a clone of the host's node
  int tree_fd;
};

struct Link {
  Text target;
  Text path;
};

struct Sysctl {
  Text path;  // relative to /proc: "sys/net/ipv4/ip_forward"
  Text value;
};

struct NamespaceJoin {
  std::uint32_t type;  // CLONE_NEW*
  int fd;
  Text path;  // for messages
};

struct Rlimit {
  std::uint32_t resource;
  std::uint64_t soft;
  std::uint64_t hard;
};

/// As sched_setattr(2) wants it: struct sched_attr of kernel 5.3.
struct Scheduler {
  std::uint32_t size;
  std::uint32_t policy;
  std::uint64_t flags;
  std::int32_t nice;
  std::uint32_t priority;
  std::uint64_t runtime, deadline, period;
  std::uint32_t utilization_min, utilization_max;
};

struct Capabilities {
  std::uint64_t bounding, effective, inheritable, permitted, ambient;
};

struct Process {
  List<Text> arguments;
  List<Text> environment;
  Text path_variable;  // of the environment, for the look-up of the command
  Text cwd;
  std::uint32_t uid, gid;
  std::uint32_t host_uid;  // owner of the stdio FIFOs, as the host sees the user
  List<std::uint32_t> additional_gids;
  std::uint32_t umask;
  bool has_umask;
  bool is_terminal;
  bool has_no_new_privileges;
  std::uint16_t console_rows, console_columns;
  List<Rlimit> rlimits;
  Scheduler scheduler;
  bool has_scheduler;
  bool has_io_priority;
  std::uint16_t io_priority;
  List<std::uint64_t> initial_cpus;  // before the cgroup is entered (exec)
  List<std::uint64_t> final_cpus;    // after it
  bool has_memory_policy;
  std::uint32_t memory_mode;  // MPOL_* with its flags
  List<std::uint64_t> memory_nodes;
  Capabilities capabilities;
  Text lsm_attribute;  // relative to /proc: "thread-self/attr/apparmor/exec"
  Text lsm_label;
  bool has_oom_score;
  std::int32_t oom_score;
  Text keyring;                 // null: keep the caller's session keyring
  List<std::uint64_t> seccomp;  // struct sock_filter, as words
  std::uint32_t seccomp_flags;
  Text listener_path;         // of the agent that is given the filter's notification fd; null without one
  List<Text> listener_state;  // what the agent is told; the process's pid goes between the pieces
  std::uint32_t personality;
  bool has_personality;
  // filled in
  char** argument_vector;
  char** environment_vector;
  Ref<char*> vector_space;  // room for both, and for HOME
  Ref<char> path_space;     // room for the resolved command; kPathSpace bytes
  Ref<char> home_space;     // room for "HOME=..." where the environment has none; kHomeSpace bytes, else null
};

inline constexpr std::uint64_t kPathSpace = 4096;
inline constexpr std::uint64_t kHomeSpace = 1024;
inline constexpr std::uint64_t kNumberSpace = 24;

struct Hook {
  Text path;
  List<Text> arguments;
  List<Text> environment;
  Ref<char*> vector_space;  // room for both
  std::uint32_t timeout_s;  // 0: none
};

/// The state that a hook reads, in the pieces between which status and pid stand.
struct HookState {
  Text head;  // {"ociVersion":...,"id":...,"status":"
  Text tail;  // ,"bundle":...}
};

struct NetMessage {
  Ref<char> bytes;  // RTM_NEWADDR as it will be sent, but for the interface's index
  std::uint64_t size;
};

struct NetDevice {
  Text name;    // on the host
  Text wanted;  // in the container; may hold %d
  std::uint32_t index;
  bool was_up;
  List<NetMessage> addresses;
};

enum class Kind : std::uint32_t { init, exec };

/// The numbers of a monitor's fds. It is born with the channel alone and is sent the rest with its plan, in this order;
/// the kernel gives them the lowest free numbers. In the tsrunc command the plan carries the fds' own numbers.
inline constexpr int kMonitorChannelFd = 3;  // monitor's end: its plan, and reports to the shim
inline constexpr int kMonitorPeerFd = 4;     // the shim's end, kept for a shim that adopts (pidfd_getfd)
inline constexpr int kMonitorPlanFd = 5;
inline constexpr int kMonitorExitWriteFd = 6;  // closed once the exit record is written
inline constexpr int kMonitorExitReadFd = 7;   // kept for a shim that adopts
inline constexpr int kMonitorDirectoryFd = 8;  // <root>/<id> or <root>/<id>/exec/<execId>
inline constexpr int kMonitorFirstFd = 9;      // what the plan names
inline constexpr int kMaxMonitorFds = 48;      // sent at most
inline constexpr int kMonitorTitleSize = 76;   // room for an id in its arguments: containerd's longest
inline constexpr int kMonitorPtyFd = 60;       // the pty master, once there is one

struct Plan {
  std::uint32_t magic;
  Kind kind;
  std::uint64_t size;
  Text label;                    // the container's id, for argv and messages
  std::uint64_t named_fd_count;  // fds from kMonitorFirstFd on that only the stage needs

  std::uint64_t preserved_fds;  // the command's --preserve-fds: 3 and on stay open for the container

  // stdio (only under a monitor; the command's container inherits 0, 1, 2)
  bool opens_stdio;
  Text stdio[3];

  // namespaces
  std::uint64_t clone_flags;  // CLONE_NEW* to create in clone3 (without cgroup and time)
  bool unshares_cgroup;       // after the cgroups have been entered, so that the view is rooted there
  bool unshares_time;
  Text time_offsets;
  List<NamespaceJoin> joins;  // in order
  /// Where init ends up once its root is built, when config.json gives it no new mount namespace: the root is built in
  /// one that nobody else sees and taken along as a tree that is mounted nowhere. -1: it stays where it was built
  int mount_namespace_fd;
  int root_fd;                // exec: such a container's root, which its namespaces do not lead to; else -1
  int join_pidfd;             // exec: all of join_mask in one setns
  std::uint64_t join_mask;
  Text uid_map;  // text of /proc/PID/uid_map
  Text gid_map;
  Hook uid_mapper;  // an ordinary user's: newuidmap and newgidmap, whose second argument is room for the pid; or none
  Hook gid_mapper;
  bool denies_setgroups;     // before gid_map: who has no right to map groups may map their own
  bool prepares_inside;      // the stage has no right to clone mounts: the child does, in its user namespace
  bool waits_release;        // the child waits until the stage has written maps, moved devices, raised attributes
  bool is_tuned_by_stage;    // limits, scheduler, I/O priority: in a user namespace nobody may raise them
  bool becomes_mapped_root;  // in a user namespace: setresuid(0) before anything else
  bool raises_loopback;
  List<NetDevice> net_devices;  // of the host, moved in by the stage

  // hooks (init only)
  HookState hook_state;
  Text bundle;  // where the hooks of the runtime's namespaces run
  List<Hook> prestart, create_runtime, create_container, start_container;

  // cgroups
  List<CgroupHierarchy> hierarchies;
  int cgroup2_fd;  // directory, for CLONE_INTO_CGROUP; -1 none
  /// The systemd unit, and a group below it, that the caller has systemd put the child into, where the kernel lets only
  /// systemd itself move it: by Stage::place. Null: nothing to do
  Text scope_unit;
  Text scope_group;
  /// Joined by the child itself, once it is in its cgroup: where cgroup2 is mounted with nsdelegate, as by systemd,
  /// nobody inside a cgroup namespace may bring a process in from outside. -1 none
  int cgroup_namespace_fd;
  int resctrl_fd;        // `tasks` of the container's resctrl group, -1 none
  int monitor_group_fd;  // and of its monitoring group

  // init only
  int exec_fifo_fd;
  Text hostname;
  Text domainname;
  Mount rootfs;
  Text rootfs_place;  // null: over "/". With hooks before pivot_root the root lies at config.root.path, where they look
  bool is_rootfs_readonly;
  bool uses_pivot_root;
  std::uint64_t old_root_propagation;  // MS_SLAVE or MS_PRIVATE, recursive
  std::uint64_t rootfs_propagation;    // applied to / at the end; 0 none
  bool is_rootfs_propagation_recursive;
  List<Mount> mounts;
  List<Device> devices;
  List<Link> links;
  bool makes_devices;
  bool binds_devices;  // of the devices, some are bound
  List<Sysctl> sysctls;
  List<Text> masked_paths;
  List<Text> readonly_paths;

  Process process;
};

/// Differs between builds whose plans differ, so that a daemon that outlived an upgrade is told so.
inline constexpr std::uint32_t kPlanMagic =
    0x54534e36u ^ static_cast<std::uint32_t>(sizeof(Plan) << 16 ^ sizeof(Mount) << 8 ^ sizeof(Process));

}  // namespace tsc::child
