// Context: what a process after clone carries along: its plan, its socket to the parent, and the report it will send.
#pragma once

#include <sys/types.h>
#include <sys/uio.h>

#include "child/plan.h"
#include "child/protocol.h"

namespace tsc::child {

struct Context {
  Plan* plan;
  int sync_fd;
  Report report;
  Step step;
  std::uint16_t index;
  std::uint64_t began_ns;
  bool is_started;  // start has been told: without a monitor a failure goes back through exec.fifo
};

std::uint64_t monotonic_ns();

/// Ends the step under way and begins the next. Step::none only ends.
void begin_step(Context& context, Step step, std::uint16_t index = 0);

/// Fills in the report from the step under way and errno.
void record_failure(Context& context, const char* call, const char* path);

/// One message on a unix socket, with an fd in it unless `passed` is negative; sendmsg's result and errno.
long send_with_fd(int socket, iovec* data, unsigned long count, int passed);

/// Sends one report; true when the peer has it.
bool send_report(int fd, const Report& report);
bool send_report_with_fd(int fd, const Report& report, int passed);
/// 1: a report was read, 0: the peer closed, -1: error. `passed` takes an fd that came along (or -1).
int receive_report(int fd, Report& report, int* passed);

/// Reports the step under way with errno and ends this process. Only after clone.
[[noreturn]] void fail(Context& context, const char* call, const char* path);

/// The same for a failure that is recorded already.
[[noreturn]] void send_failure(Context& context);

/// read/write that retry EINTR.
long read_retry(int fd, void* buffer, unsigned long size);
long write_retry(int fd, const void* buffer, unsigned long size);

/// Opens, writes once, closes; errno tells.
bool write_file_at(int directory_fd, const char* path, const char* text);

/// "prefix" + decimal + "suffix" into `out` (which must be large enough).
void format_number(char* out, const char* prefix, long number, const char* suffix);

/// openat2 below `root_fd` as if it were "/"; `resolve` adds RESOLVE_* flags.
int open_in_root(int root_fd, const char* path, int flags, unsigned long resolve);

}  // namespace tsc::child
