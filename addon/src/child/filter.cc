// The seccomp filter: see the header.
#include "child/filter.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

namespace tsc::child {
namespace {

constexpr int kAgentTimeoutSeconds = 10;
constexpr int kMaxPieces = 8;

int connect_agent(const char* path) {
  sockaddr_un address;
  memset(&address, 0, sizeof address);
  address.sun_family = AF_UNIX;
  const unsigned long length = strlen(path);
  if (length >= sizeof address.sun_path) {
    errno = ENAMETOOLONG;
    return -1;
  }
  memcpy(address.sun_path, path, length);
  const bool is_abstract = path[0] == '@';
  if (is_abstract) address.sun_path[0] = '\0';
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return -1;
  // Holds for connect, too: an agent that accepts nobody must not hang the container's creation.
  const timeval timeout = {kAgentTimeoutSeconds, 0};
  setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof timeout);
  const unsigned long size = offsetof(sockaddr_un, sun_path) + length + (is_abstract ? 0 : 1);
  if (connect(fd, reinterpret_cast<const sockaddr*>(&address), static_cast<socklen_t>(size)) == 0) return fd;
  const int saved = errno;
  close(fd);
  errno = saved == EAGAIN ? ETIMEDOUT : saved;
  return -1;
}

/// The pieces of the plan's text with the pid between them, in one message with the fd.
long send_state(int agent_fd, const List<Text>& pieces, pid_t pid, int listener_fd) {
  char number[24];
  format_number(number, "", pid, "");
  iovec data[2 * kMaxPieces];
  unsigned long count = 0;
  for (const Text& piece : pieces) {
    if (count != 0) data[count++] = {number, strlen(number)};
    data[count++] = {const_cast<char*>(piece.get()), strlen(piece.get())};
    if (count + 2 > sizeof data / sizeof data[0]) break;
  }
  return send_with_fd(agent_fd, data, count, listener_fd);
}

}  // namespace

bool loads_filter_early(const Plan& plan) {
  const Process& process = plan.process;
  if (process.seccomp.count == 0) return false;
  // With a listener too: its agent is told by whoever creates the container, and that one is gone at the start.
  // startContainer hooks run under the filter, as in runc.
  return !process.has_no_new_privileges || process.listener_path || plan.start_container.count > 0;
}

void load_filter(Context& context) {
  const Process& process = context.plan->process;
  if (process.seccomp.count == 0) return;
  begin_step(context, Step::load_seccomp);
  sock_fprog program;
  program.len = static_cast<unsigned short>(process.seccomp.count);
  program.filter = reinterpret_cast<sock_filter*>(process.seccomp.items.get());
  const long result = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, process.seccomp_flags, &program);
  if (result < 0) fail(context, "seccomp", nullptr);
  if (!process.listener_path) return;
  // One call and no other in between: from now on any other may have to be answered by the agent.
  const ReportKind before = context.report.kind;
  context.report.kind = ReportKind::listener;
  if (!send_report_with_fd(context.sync_fd, context.report, static_cast<int>(result))) {
    fail(context, "sendmsg", "seccomp listener");
  }
  context.report.kind = before;
  close(static_cast<int>(result));
}

bool give_to_agent(Context& context, int listener_fd, pid_t pid) {
  const Process& process = context.plan->process;
  const char* path = process.listener_path.get();
  begin_step(context, Step::notify_agent);
  const int agent_fd = connect_agent(path);
  if (agent_fd < 0) {
    record_failure(context, "connect", path);
    return false;
  }
  const bool is_sent = send_state(agent_fd, process.listener_state, pid, listener_fd) > 0;
  if (!is_sent) record_failure(context, "sendmsg", path);
  close(agent_fd);
  begin_step(context, Step::none);
  return is_sent;
}

}  // namespace tsc::child
