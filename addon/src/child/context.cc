// The few helpers that every process after clone uses: reports, step times, retried reads. No heap, no stdio.
#include "child/context.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

namespace tsc::child {

std::uint64_t monotonic_ns() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * 1000000000u + static_cast<std::uint64_t>(now.tv_nsec);
}

void begin_step(Context& context, Step step, std::uint16_t index) {
  const std::uint64_t now = monotonic_ns();
  Report& report = context.report;
  if (context.step != Step::none && report.step_count < kMaxStepTimes) {
    report.steps[report.step_count++] = {context.step, context.index, context.began_ns, now};
  }
  context.step = step;
  context.index = index;
  context.began_ns = now;
}

void record_failure(Context& context, const char* call, const char* path) {
  const int error = errno;
  Report& report = context.report;
  report.kind = ReportKind::failed;
  report.error = error;
  report.step = context.step;
  report.index = context.index;
  strncpy(report.call, call, sizeof report.call - 1);
  if (path != nullptr) strncpy(report.path, path, sizeof report.path - 1);
  begin_step(context, Step::none);
}

bool send_report(int fd, const Report& report) {
  const unsigned long size = offsetof(Report, steps) + report.step_count * sizeof(StepTime);
  long sent;
  do {
    sent = send(fd, &report, size, MSG_NOSIGNAL);
  } while (sent < 0 && errno == EINTR);
  return sent >= 0;
}

long send_with_fd(int socket, iovec* data, unsigned long count, int passed) {
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))];
  memset(control, 0, sizeof control);
  msghdr message;
  memset(&message, 0, sizeof message);
  message.msg_iov = data;
  message.msg_iovlen = count;
  if (passed >= 0) {
    message.msg_control = control;
    message.msg_controllen = sizeof control;
    cmsghdr* header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(header), &passed, sizeof passed);
  }
  long sent;
  do {
    sent = sendmsg(socket, &message, MSG_NOSIGNAL);
  } while (sent < 0 && errno == EINTR);
  return sent;
}

bool send_report_with_fd(int fd, const Report& report, int passed) {
  iovec data = {const_cast<Report*>(&report), offsetof(Report, steps)};
  return send_with_fd(fd, &data, 1, passed) >= 0;
}

int receive_report(int fd, Report& report, int* passed) {
  iovec data = {&report, sizeof report};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))];
  msghdr message;
  memset(&message, 0, sizeof message);
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  if (passed != nullptr) *passed = -1;
  report.step_count = 0;
  long received;
  do {
    received = recvmsg(fd, &message, MSG_CMSG_CLOEXEC);
  } while (received < 0 && errno == EINTR);
  if (received < 0) return -1;
  if (received == 0) return 0;
  cmsghdr* header = CMSG_FIRSTHDR(&message);
  if (header != nullptr && header->cmsg_type == SCM_RIGHTS && passed != nullptr) {
    memcpy(passed, CMSG_DATA(header), sizeof *passed);
  }
  return 1;
}

void fail(Context& context, const char* call, const char* path) {
  record_failure(context, call, path);
  send_failure(context);
}

void send_failure(Context& context) {
  send_report(context.sync_fd, context.report);
  if (context.is_started) {
    context.report.step_count = 0;
    write_retry(context.plan->exec_fifo_fd, &context.report, offsetof(Report, steps));
  }
  // The shell's words for "could not run": what a waiting parent sees if it misses the report.
  const int error = context.report.error;
  _exit(error == ENOENT || error == ENOTDIR ? 127 : 126);
}

long read_retry(int fd, void* buffer, unsigned long size) {
  long count;
  do {
    count = read(fd, buffer, size);
  } while (count < 0 && errno == EINTR);
  return count;
}

long write_retry(int fd, const void* buffer, unsigned long size) {
  long count;
  do {
    count = write(fd, buffer, size);
  } while (count < 0 && errno == EINTR);
  return count;
}

bool write_file_at(int directory_fd, const char* path, const char* text) {
  const int fd = openat(directory_fd, path, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
  if (fd < 0) return false;
  const bool written = write_retry(fd, text, strlen(text)) >= 0;
  const int saved = errno;
  close(fd);
  errno = saved;
  return written;
}

void format_number(char* out, const char* prefix, long number, const char* suffix) {
  char digits[24];
  int count = 0;
  do {
    digits[count++] = static_cast<char>('0' + number % 10);
    number /= 10;
  } while (number > 0);
  while (*prefix != '\0') *out++ = *prefix++;
  while (count > 0) *out++ = digits[--count];
  while (*suffix != '\0') *out++ = *suffix++;
  *out = '\0';
}

int open_in_root(int root_fd, const char* path, int flags, unsigned long resolve) {
  open_how how;
  memset(&how, 0, sizeof how);
  how.flags = static_cast<unsigned long>(flags) | O_CLOEXEC;
  // RESOLVE_NO_MAGICLINKS: /proc/self/fd/N inside the root would lead out of it.
  how.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS | resolve;
  long fd;
  do {
    // EAGAIN: a rename raced with the walk; the kernel asks for another try.
    fd = syscall(SYS_openat2, root_fd, path, &how, sizeof how);
  } while (fd < 0 && (errno == EINTR || errno == EAGAIN));
  return static_cast<int>(fd);
}

}  // namespace tsc::child
