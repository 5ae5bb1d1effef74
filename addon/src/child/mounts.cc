// Mounts of the container: see the header.
#include "child/mounts.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "child/id-mapping.h"
#include "child/tree-copy.h"

namespace tsc::child {
namespace {

constexpr int kMaxPath = 4096;

/// mount_setattr on a tree that is not attached yet. True when there is nothing to do.
bool set_attributes(int tree_fd, std::uint64_t set, std::uint64_t clear, std::uint64_t propagation, bool is_recursive) {
  if (set == 0 && clear == 0 && propagation == 0) return true;
  mount_attr attributes;
  memset(&attributes, 0, sizeof attributes);
  attributes.attr_set = set;
  // An access time mode replaces the old one: the kernel wants the whole field cleared for it.
  attributes.attr_clr = clear | ((set & MOUNT_ATTR__ATIME) != 0 ? MOUNT_ATTR__ATIME : 0);
  attributes.propagation = propagation;
  const unsigned flags = AT_EMPTY_PATH | (is_recursive ? AT_RECURSIVE : 0);
  return syscall(SYS_mount_setattr, tree_fd, "", flags, &attributes, sizeof attributes) == 0;
}

bool configure(int filesystem_fd, const Mount& mount) {
  const char* source = mount.source.get();
  if (source != nullptr && fsconfig(filesystem_fd, FSCONFIG_SET_STRING, "source", source, 0) != 0) return false;
  for (const FsOption& option : mount.options) {
    const char* value = option.value.get();
    const int result = value == nullptr ? fsconfig(filesystem_fd, FSCONFIG_SET_FLAG, option.key.get(), nullptr, 0)
                                        : fsconfig(filesystem_fd, FSCONFIG_SET_STRING, option.key.get(), value, 0);
    if (result != 0) return false;
  }
  return fsconfig(filesystem_fd, FSCONFIG_CMD_CREATE, nullptr, nullptr, 0) == 0;
}

/// A new file system, mounted nowhere. -1: `call` says which system call failed.
int make_filesystem(const Mount& mount, const char** call) {
  *call = "fsopen";
  const int filesystem_fd = fsopen(mount.type.get(), FSOPEN_CLOEXEC);
  if (filesystem_fd < 0) return -1;
  int tree_fd = -1;
  *call = "fsconfig";
  if (configure(filesystem_fd, mount)) {
    *call = "fsmount";
    tree_fd = fsmount(filesystem_fd, FSMOUNT_CLOEXEC, static_cast<unsigned>(mount.attributes_set));
  }
  const int saved = errno;
  close(filesystem_fd);
  errno = saved;
  return tree_fd;
}

/// A relative path of the tree's text: copies [path, end) so that the child needs no heap.
bool copy_prefix(char* out, const char* path, const char* end) {
  if (end - path >= kMaxPath) {
    errno = ENAMETOOLONG;
    return false;
  }
  memcpy(out, path, static_cast<unsigned long>(end - path));
  out[end - path] = '\0';
  return true;
}

/// mkdir -p inside the root. Every component is resolved by openat2, so a link leads at most elsewhere in the root.
int make_directories(int root_fd, const char* path, unsigned long resolve) {
  int fd = open_in_root(root_fd, path, O_PATH | O_DIRECTORY, resolve);
  if (fd >= 0 || errno != ENOENT) return fd;
  char prefix[kMaxPath];
  int parent = open_in_root(root_fd, "/", O_PATH | O_DIRECTORY, 0);
  const char* cursor = path;
  while (parent >= 0) {
    while (*cursor == '/') ++cursor;
    if (*cursor == '\0') return parent;
    const char* end = cursor;
    while (*end != '\0' && *end != '/') ++end;
    char name[256];
    if (end - cursor >= static_cast<long>(sizeof name) || !copy_prefix(prefix, path, end)) {
      close(parent);
      errno = ENAMETOOLONG;
      return -1;
    }
    memcpy(name, cursor, static_cast<unsigned long>(end - cursor));
    name[end - cursor] = '\0';
    int next = open_in_root(root_fd, prefix, O_PATH | O_DIRECTORY, resolve);
    if (next < 0 && errno == ENOENT) {
      // 0755 whatever the umask of our caller: the child's own umask is 0 here.
      if (mkdirat(parent, name, 0755) != 0 && errno != EEXIST) {
        const int saved = errno;
        close(parent);
        errno = saved;
        return -1;
      }
      next = open_in_root(root_fd, prefix, O_PATH | O_DIRECTORY, resolve);
    }
    const int saved = errno;
    close(parent);
    errno = saved;
    parent = next;
    cursor = end;
  }
  return parent;
}

void attach(Context& context, int tree_fd, int target_fd, const char* path) {
  if (move_mount(tree_fd, "", target_fd, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) != 0) {
    fail(context, "move_mount", path);
  }
}

/// A mount on the attached tree of kernels whose fsconfig cannot take the options: mount(2) on the target itself.
void mount_classic(Context& context, int target_fd, const Mount& mount) {
  char path[64];
  format_number(path, "/proc/self/fd/", target_fd, "");
  unsigned long flags = 0;
  if ((mount.attributes_set & MOUNT_ATTR_RDONLY) != 0) flags |= MS_RDONLY;
  if ((mount.attributes_set & MOUNT_ATTR_NOSUID) != 0) flags |= MS_NOSUID;
  if ((mount.attributes_set & MOUNT_ATTR_NODEV) != 0) flags |= MS_NODEV;
  if ((mount.attributes_set & MOUNT_ATTR_NOEXEC) != 0) flags |= MS_NOEXEC;
  flags |= mount.classic_flags;
  if (::mount(mount.source.get(), path, mount.type.get(), flags, mount.legacy_data.get()) != 0) {
    fail(context, "mount", mount.target.get());
  }
}

/// cgroup v1 on a hybrid machine: one mount per hierarchy, rooted (by the cgroup namespace) at the container's own.
void mount_cgroup_v1(Context& context, int root_fd, Mount& mount) {
  const char* path = mount.target.get();
  const int target_fd = make_target(root_fd, path, true, 0);
  if (target_fd < 0) fail(context, "openat2", path);
  const int filesystem_fd = fsopen("tmpfs", FSOPEN_CLOEXEC);
  if (filesystem_fd < 0) fail(context, "fsopen", path);
  fsconfig(filesystem_fd, FSCONFIG_SET_STRING, "mode", "755", 0);
  if (fsconfig(filesystem_fd, FSCONFIG_CMD_CREATE, nullptr, nullptr, 0) != 0) fail(context, "fsconfig", path);
  const int tmpfs_fd =
      fsmount(filesystem_fd, FSMOUNT_CLOEXEC, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
  if (tmpfs_fd < 0) fail(context, "fsmount", path);
  close(filesystem_fd);
  attach(context, tmpfs_fd, target_fd, path);
  for (const CgroupHierarchy& hierarchy : context.plan->hierarchies) {
    const char* name = hierarchy.name.get();
    if (mkdirat(tmpfs_fd, name, 0755) != 0) fail(context, "mkdirat", name);
    const int directory_fd = openat(tmpfs_fd, name, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (directory_fd < 0) fail(context, "openat", name);
    char at[64];
    format_number(at, "/proc/self/fd/", directory_fd, "");
    // mount(2): fsconfig of cgroup v1 differs between kernels, and this one has no secrets in its path.
    const unsigned long flags = MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_RELATIME;
    if (::mount("cgroup", at, "cgroup", flags, hierarchy.controllers.get()) != 0) fail(context, "mount", name);
    const int mounted_fd = openat(tmpfs_fd, name, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (mounted_fd < 0 || !set_attributes(mounted_fd, mount.attributes_set, 0, MS_PRIVATE, false)) {
      fail(context, "mount_setattr", name);
    }
    close(mounted_fd);
    close(directory_fd);
  }
  if (!set_attributes(tmpfs_fd, mount.attributes_set, 0, 0, false)) fail(context, "mount_setattr", path);
  close(tmpfs_fd);
  close(target_fd);
}

/// What makes a /proc mount trustworthy: it is procfs, and not something of the image.
void check_proc(Context& context, int tree_fd, const char* path) {
  struct statfs found;
  if (fstatfs(tree_fd, &found) != 0) fail(context, "fstatfs", path);
  if (found.f_type != PROC_SUPER_MAGIC) {
    errno = EXDEV;
    fail(context, "fstatfs", path);
  }
}

}  // namespace

int make_parent(int root_fd, const char* path, const char** name) {
  const char* slash = strrchr(path, '/');
  char prefix[kMaxPath];
  *name = slash == nullptr ? path : slash + 1;
  if (slash == nullptr || slash == path) return open_in_root(root_fd, "/", O_PATH | O_DIRECTORY, 0);
  if (!copy_prefix(prefix, path, slash)) return -1;
  return make_directories(root_fd, prefix, 0);
}

int make_target(int root_fd, const char* path, bool is_directory, unsigned long resolve) {
  if (is_directory) return make_directories(root_fd, path, resolve);
  const int found = open_in_root(root_fd, path, O_PATH, resolve);
  if (found >= 0 || errno != ENOENT) return found;
  const char* name;
  const int parent = make_parent(root_fd, path, &name);
  if (parent < 0) return -1;
  // O_EXCL | O_NOFOLLOW: a dangling link in the image must not make a file elsewhere.
  const int made = openat(parent, name, O_CREAT | O_EXCL | O_NOFOLLOW | O_RDONLY | O_CLOEXEC, 0644);
  const int saved = errno;
  close(parent);
  if (made < 0 && saved != EEXIST) {
    errno = saved;
    return -1;
  }
  if (made >= 0) close(made);
  return open_in_root(root_fd, path, O_PATH, resolve);
}

bool prepare_mount(Context& context, Mount& mount) {
  const char* source = mount.source.get();
  if (mount.kind == MountKind::prepared) {
    const char* call;
    mount.tree_fd = make_filesystem(mount, &call);
    // EINVAL, ENAMETOOLONG: an older kernel's overlay; the child mounts it with mount(2).
    if (mount.tree_fd < 0 && !mount.legacy_data) record_failure(context, call, mount.type.get());
    return mount.tree_fd >= 0 || mount.legacy_data;
  }
  const unsigned flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | (mount.is_recursive_bind ? AT_RECURSIVE : 0);
  mount.tree_fd = open_tree(AT_FDCWD, source, flags);
  struct stat found;
  if (mount.tree_fd < 0) {
    record_failure(context, "open_tree", source);
    return false;
  }
  if (fstat(mount.tree_fd, &found) != 0) {
    record_failure(context, "fstat", source);
    return false;
  }
  mount.is_source_directory = S_ISDIR(found.st_mode);
  const bool is_shared = mount.propagation == MS_SHARED;
  const bool is_done = set_attributes(mount.tree_fd, mount.attributes_set, mount.attributes_clear, 0, false) &&
                       set_attributes(mount.tree_fd, mount.recursive_set, mount.recursive_clear, 0, true) &&
                       // A clone is a peer of its source. Only a mount asked to be shared may stay one.
                       (is_shared || mount.propagation == 0 ||
                        set_attributes(mount.tree_fd, 0, 0, mount.propagation, mount.is_propagation_recursive));
  if (!is_done) record_failure(context, "mount_setattr", source);
  return is_done && (!mount.is_idmapped || set_id_mapping(context, mount));
}

void set_old_root_propagation(Context& context) {
  if (::mount(nullptr, "/", nullptr, MS_REC | context.plan->old_root_propagation, nullptr) != 0) {
    fail(context, "mount", "/");
  }
}

int open_rootfs_place(Context& context) {
  const char* path = context.plan->rootfs_place.get();
  if (path == nullptr) return -1;
  begin_step(context, Step::attach_rootfs);
  const int fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) fail(context, "open", path);
  return fd;
}

int attach_rootfs(Context& context, int place_fd) {
  Mount& rootfs = context.plan->rootfs;
  const char* path = place_fd < 0 ? "/" : context.plan->rootfs_place.get();
  if (rootfs.tree_fd < 0) {
    if (::mount(rootfs.source.get(), path, rootfs.type.get(), 0, rootfs.legacy_data.get()) != 0) {
      fail(context, "mount", path);
    }
    // The mount lies over our own root; a path from "/" still leads below it, "/.." leads onto it.
    rootfs.tree_fd = open(place_fd < 0 ? "/.." : path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (rootfs.tree_fd < 0) fail(context, "open", path);
  } else {
    // "/" and not config.root.path: in a user namespace the way to that path may be closed to us.
    const int result = place_fd < 0 ? move_mount(rootfs.tree_fd, "", AT_FDCWD, "/", MOVE_MOUNT_F_EMPTY_PATH)
                                    : move_mount(rootfs.tree_fd, "", place_fd, "",
                                                 MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH);
    if (result != 0) fail(context, "move_mount", path);
  }
  if (fchdir(rootfs.tree_fd) != 0) fail(context, "fchdir", path);
  return rootfs.tree_fd;
}

namespace {

/// A new file system at its target. tmpfs may take over the mode and the content of what it covers.
void make_new(Context& context, Mount& mount, int target_fd, bool is_target_new) {
  const char* path = mount.target.get();
  const char* call;
  mount.tree_fd = make_filesystem(mount, &call);
  if (mount.tree_fd < 0) fail(context, call, path);
  if (mount.is_proc) check_proc(context, mount.tree_fd, path);
  if (!set_attributes(mount.tree_fd, mount.recursive_set, mount.recursive_clear, 0, false)) {
    fail(context, "mount_setattr", path);
  }
  if (mount.copies_up && !copy_tree(target_fd, mount.tree_fd)) fail(context, "copy", path);
  struct stat below;
  if (mount.keeps_mode && !is_target_new && fstat(target_fd, &below) == 0 &&
      fchmodat(mount.tree_fd, ".", below.st_mode & 07777, 0) != 0) {
    fail(context, "fchmodat", path);
  }
  attach(context, mount.tree_fd, target_fd, path);
}

/// mount(2) on the target, which is then opened again: what is found there is the new mount.
void make_classic(Context& context, int root_fd, Mount& mount, int target_fd) {
  const char* path = mount.target.get();
  mount_classic(context, target_fd, mount);
  mount.tree_fd = open_in_root(root_fd, path, O_PATH | O_DIRECTORY, 0);
  if (mount.tree_fd < 0) fail(context, "openat2", path);
  if (!set_attributes(mount.tree_fd, mount.attributes_set | mount.recursive_set, mount.attributes_clear, 0, false)) {
    fail(context, "mount_setattr", path);
  }
}

void change_mount(Context& context, Mount& mount, int target_fd) {
  const char* path = mount.target.get();
  if (!set_attributes(target_fd, mount.attributes_set, mount.attributes_clear, 0, false) ||
      !set_attributes(target_fd, mount.recursive_set, mount.recursive_clear, 0, true)) {
    fail(context, "mount_setattr", path);
  }
  mount.tree_fd = target_fd;
}

}  // namespace

namespace {

/// A link of the image may lead a mount onto procfs, where it would fake what is read and written there: the check of
/// config.json knows paths only (CVE-2019-16884, CVE-2025-52881).
void check_covers_no_proc(Context& context, const Mount& mount, int target_fd) {
  struct statfs found;
  if (mount.may_cover_proc || mount.kind == MountKind::remount) return;
  if (fstatfs(target_fd, &found) != 0) fail(context, "fstatfs", mount.target.get());
  if (found.f_type != PROC_SUPER_MAGIC) return;
  errno = EXDEV;
  fail(context, "fstatfs", mount.target.get());
}

}  // namespace

void make_mount(Context& context, int root_fd, Mount& mount) {
  const char* path = mount.target.get();
  if (mount.kind == MountKind::cgroup_v1) return mount_cgroup_v1(context, root_fd, mount);
  const unsigned long resolve = mount.refuses_symlinks ? RESOLVE_NO_SYMLINKS : 0;
  const bool is_directory = mount.kind != MountKind::bind || mount.is_source_directory;
  int target_fd = -1;
  const bool wants_old = mount.keeps_mode || mount.kind == MountKind::remount;
  if (wants_old) target_fd = open_in_root(root_fd, path, O_PATH, resolve);
  const bool is_target_new = target_fd < 0;
  if (is_target_new) target_fd = make_target(root_fd, path, is_directory, resolve);
  if (target_fd < 0) fail(context, "openat2", path);
  check_covers_no_proc(context, mount, target_fd);
  switch (mount.kind) {
    case MountKind::filesystem: make_new(context, mount, target_fd, is_target_new); break;
    case MountKind::classic: make_classic(context, root_fd, mount, target_fd); break;
    case MountKind::remount: change_mount(context, mount, target_fd); break;
    default: attach(context, mount.tree_fd, target_fd, path);
  }
  const bool waits = mount.kind == MountKind::bind && mount.propagation != MS_SHARED;
  if (!waits && mount.propagation != 0 &&
      !set_attributes(mount.tree_fd, 0, 0, mount.propagation, mount.is_propagation_recursive)) {
    fail(context, "mount_setattr", path);
  }
  if (mount.kind != MountKind::remount) close(target_fd);
}

namespace {

void change_root(Context& context, int root_fd, const HostFilesystems& host) {
  if (!context.plan->uses_pivot_root) {
    remove_host_filesystems(context, host);
    if (context.plan->rootfs_place && move_mount(root_fd, "", AT_FDCWD, "/", MOVE_MOUNT_F_EMPTY_PATH) != 0) {
      fail(context, "move_mount", "/");
    }
    if (fchdir(root_fd) != 0) fail(context, "fchdir", "/");
    if (chroot(".") != 0) fail(context, "chroot", "/");
    return;
  }
  if (fchdir(root_fd) != 0) fail(context, "fchdir", "/");
  // Old and new root change places at the same spot, so that no directory of the image is needed. pivot_root(2), NOTES
  if (syscall(SYS_pivot_root, ".", ".") != 0) fail(context, "pivot_root", "/");
  if (umount2(".", MNT_DETACH) != 0) fail(context, "umount2", "/");
  if (chdir("/") != 0) fail(context, "chdir", "/");
}

}  // namespace

void enter_rootfs(Context& context, int root_fd, const HostFilesystems& host) {
  const Plan& plan = *context.plan;
  change_root(context, root_fd, host);
  // Only now: pivot_root takes no root that is shared or unbindable. pivot_root(2)
  if (plan.rootfs_propagation != 0 &&
      !set_attributes(root_fd, 0, 0, plan.rootfs_propagation, plan.is_rootfs_propagation_recursive)) {
    fail(context, "mount_setattr", "/");
  }
}

void make_path_readonly(Context& context, int root_fd, const char* path) {
  const int target_fd = open_in_root(root_fd, path, O_PATH, 0);
  if (target_fd < 0) {
    if (errno == ENOENT || errno == ENOTDIR) return;
    fail(context, "openat2", path);
  }
  const int tree_fd = open_tree(target_fd, "", AT_EMPTY_PATH | OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE);
  if (tree_fd < 0) fail(context, "open_tree", path);
  if (!set_attributes(tree_fd, MOUNT_ATTR_RDONLY, 0, 0, true)) fail(context, "mount_setattr", path);
  attach(context, tree_fd, target_fd, path);
  close(tree_fd);
  close(target_fd);
}

namespace {

/// A further mount of /dev/null, which must be the null device and nothing that an image calls so (CVE-2025-31133).
int clone_null_device(Context& context, int root_fd) {
  const int null_fd = open_in_root(root_fd, "/dev/null", O_PATH, RESOLVE_NO_SYMLINKS);
  struct stat found;
  if (null_fd < 0 || fstat(null_fd, &found) != 0) fail(context, "openat2", "/dev/null");
  if (!S_ISCHR(found.st_mode) || found.st_rdev != makedev(1, 3)) {
    errno = ENODEV;
    fail(context, "fstat", "/dev/null");
  }
  const int tree_fd = open_tree(null_fd, "", AT_EMPTY_PATH | OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
  if (tree_fd < 0) fail(context, "open_tree", "/dev/null");
  close(null_fd);
  return tree_fd;
}

int make_directory_mask(Context& context, const char* path) {
  const int filesystem_fd = fsopen("tmpfs", FSOPEN_CLOEXEC);
  if (filesystem_fd < 0) fail(context, "fsopen", path);
  fsconfig(filesystem_fd, FSCONFIG_SET_STRING, "size", "0", 0);
  fsconfig(filesystem_fd, FSCONFIG_SET_STRING, "nr_inodes", "1", 0);
  fsconfig(filesystem_fd, FSCONFIG_SET_STRING, "mode", "0555", 0);
  if (fsconfig(filesystem_fd, FSCONFIG_CMD_CREATE, nullptr, nullptr, 0) != 0) fail(context, "fsconfig", path);
  const unsigned attributes = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC;
  const int tree_fd = fsmount(filesystem_fd, FSMOUNT_CLOEXEC, attributes);
  if (tree_fd < 0) fail(context, "fsmount", path);
  close(filesystem_fd);
  return tree_fd;
}

}  // namespace

void mask_path(Context& context, int root_fd, const char* path, int* directory_mask) {
  const int target_fd = open_in_root(root_fd, path, O_PATH, 0);
  if (target_fd < 0) {
    if (errno == ENOENT || errno == ENOTDIR) return;
    fail(context, "openat2", path);
  }
  struct stat found;
  if (fstat(target_fd, &found) != 0) fail(context, "fstat", path);
  int tree_fd;
  if (!S_ISDIR(found.st_mode)) {
    tree_fd = clone_null_device(context, root_fd);
  } else if (*directory_mask < 0) {
    tree_fd = make_directory_mask(context, path);
  } else {
    tree_fd = open_tree(*directory_mask, "", AT_EMPTY_PATH | OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
    if (tree_fd < 0) fail(context, "open_tree", path);
  }
  attach(context, tree_fd, target_fd, path);
  // The first mask stays open: once attached it may be cloned for the next.
  if (S_ISDIR(found.st_mode) && *directory_mask < 0) {
    *directory_mask = tree_fd;
  } else {
    close(tree_fd);
  }
  close(target_fd);
}

void finish_rootfs(Context& context, int root_fd) {
  const Plan& plan = *context.plan;
  for (const Mount& mount : plan.mounts) {
    if (mount.is_readonly_later && !set_attributes(mount.tree_fd, MOUNT_ATTR_RDONLY, 0, 0, false)) {
      fail(context, "mount_setattr", mount.target.get());
    }
  }
  if (plan.is_rootfs_readonly && !set_attributes(root_fd, MOUNT_ATTR_RDONLY, 0, 0, false)) {
    fail(context, "mount_setattr", "/");
  }
}

}  // namespace tsc::child
