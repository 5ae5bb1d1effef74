// Mounts of the container, by file descriptor: trees are made detached, configured, and only then attached at a
// target that openat2 has resolved inside the root. Kernel 5.12 (mount_setattr) at least.
#pragma once

#include "child/context.h"
#include "child/no-pivot.h"

namespace tsc::child {

/// The stage's part: clones a bind's source, or makes the root filesystem, as mount.tree_fd. False: failure recorded.
bool prepare_mount(Context& context, Mount& mount);

/// The child's part. All of these end the process on failure.
void set_old_root_propagation(Context& context);
/// Where the root filesystem will lie, opened while this process is still who may walk there; -1: over "/".
int open_rootfs_place(Context& context);
/// Attaches the root filesystem over "/", or at `place_fd`, and makes it the working directory. Gives an fd of it.
int attach_rootfs(Context& context, int place_fd);
void make_mount(Context& context, int root_fd, Mount& mount);
/// `host` is only asked for without pivot_root.
void enter_rootfs(Context& context, int root_fd, const HostFilesystems& host);
void make_path_readonly(Context& context, int root_fd, const char* path);
/// `directory_mask` is the one empty read-only tmpfs that all masked directories share; -1 before the first.
void mask_path(Context& context, int root_fd, const char* path, int* directory_mask);
void finish_rootfs(Context& context, int root_fd);

/// Opens `path` inside the root as O_PATH, making what is missing: directories, or a last component that is a file.
int make_target(int root_fd, const char* path, bool is_directory, unsigned long resolve);
/// The parent directory of `path` inside the root, made where missing; `name` is set to the last component.
int make_parent(int root_fd, const char* path, const char** name);

}  // namespace tsc::child
