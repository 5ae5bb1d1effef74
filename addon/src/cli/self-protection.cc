// Self-protection: see the header. It runs before the C++ library is set up: system calls and the stack, nothing else.
#include "cli/self-protection.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <initializer_list>

namespace tsc::cli {
namespace {

constexpr const char* kOwn = "/proc/self/exe";
/// Set for the second turn, so that a machine on which the mount is not read-only after all ends in an error.
constexpr char kMark[] = "TSRUNC_PROTECTED=1";
constexpr int kMaxVariables = 4096;
constexpr int kSeals = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;

#ifndef MFD_EXEC
#define MFD_EXEC 0x0010U  // Linux 6.3
#endif

bool makes_processes(int count, char** words) {
  for (int index = 1; index < count; ++index) {
    for (const char* verb : {"create", "run", "exec", "restore"}) {
      if (strcmp(words[index], verb) == 0) return true;
    }
  }
  return false;
}

bool is_protected() {
  struct statfs found;
  if (statfs(kOwn, &found) == 0 && (found.f_flags & ST_RDONLY) != 0) return true;
  const int fd = open(kOwn, O_RDONLY | O_CLOEXEC);
  const int seals = fd < 0 ? -1 : fcntl(fd, F_GET_SEALS);
  if (fd >= 0) close(fd);
  return seals >= 0 && (seals & kSeals) == kSeals;
}

int mount_readonly() {
  const int fd = open_tree(AT_FDCWD, kOwn, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
  if (fd < 0) return -1;
  mount_attr attributes;
  memset(&attributes, 0, sizeof attributes);
  attributes.attr_set = MOUNT_ATTR_RDONLY;
  if (syscall(SYS_mount_setattr, fd, "", AT_EMPTY_PATH, &attributes, sizeof attributes) == 0) return fd;
  close(fd);
  return -1;
}

int copy_sealed() {
  struct stat found;
  const int own = open(kOwn, O_RDONLY | O_CLOEXEC);
  int copy = memfd_create("tsrunc", MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_EXEC);
  if (copy < 0) copy = memfd_create("tsrunc", MFD_CLOEXEC | MFD_ALLOW_SEALING);
  bool is_whole = own >= 0 && copy >= 0 && fstat(own, &found) == 0;
  for (off_t offset = 0; is_whole && offset < found.st_size;) {
    is_whole = sendfile(copy, own, &offset, static_cast<size_t>(found.st_size - offset)) > 0;
  }
  if (own >= 0) close(own);
  return is_whole && fcntl(copy, F_ADD_SEALS, kSeals) == 0 ? copy : -1;
}

void execute(int fd, char** words, char** environment) {
  char* marked[kMaxVariables + 2];
  int count = 0;
  for (; environment[count] != nullptr && count < kMaxVariables; ++count) marked[count] = environment[count];
  marked[count] = const_cast<char*>(kMark);
  marked[count + 1] = nullptr;
  if (fd >= 0) syscall(SYS_execveat, fd, "", words, marked, AT_EMPTY_PATH);
}

[[noreturn]] void give_up() {
  constexpr char kText[] =
      "tsrunc: protect the executable: neither a read-only mount nor a sealed copy of it can be made\n";
  [[maybe_unused]] const long written = write(2, kText, sizeof kText - 1);
  _exit(1);
}

/// Whether the mark was there; it is taken away, since hooks may inherit the environment.
bool take_mark(char** environment) {
  bool is_found = false;
  char** kept = environment;
  for (; *environment != nullptr; ++environment) {
    if (strcmp(*environment, kMark) == 0) {
      is_found = true;
    } else {
      *kept++ = *environment;
    }
  }
  *kept = nullptr;
  return is_found;
}

}  // namespace

void protect_program(int count, char** words, char** environment) {
  if (!makes_processes(count, words)) return;
  const bool is_second_turn = take_mark(environment);
  if (is_protected()) {
    // execveat by fd names a process after the fd.
    prctl(PR_SET_NAME, "tsrunc", 0, 0, 0);
    return;
  }
  if (is_second_turn) give_up();
  execute(mount_readonly(), words, environment);
  execute(copy_sealed(), words, environment);
  give_up();
}

}  // namespace tsc::cli
