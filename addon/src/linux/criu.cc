// criu as a worker: see the header.
#include "linux/criu.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>
#include <optional>

#include "linux/error.h"

namespace tsc {
namespace {

constexpr const char* kStep = "run criu";
/// The socket's number in criu.
constexpr int kSocketFd = 3;
constexpr size_t kMaxAnswer = 64 * 1024;
constexpr size_t kMaxErrors = 16 * 1024;

struct Pair {
  UniqueFd ours, theirs;
};

Pair make_pipe() {
  int fds[2];
  if (pipe2(fds, O_CLOEXEC) != 0) throw_errno(kStep, "pipe2");
  return {UniqueFd(fds[0]), UniqueFd(fds[1])};
}

Pair make_sockets() {
  int fds[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) != 0) throw_errno(kStep, "socketpair");
  return {UniqueFd(fds[0]), UniqueFd(fds[1])};
}

/// In the new process. The fds go to high numbers first, so that none lies where another is to go.
[[noreturn]] void become_criu(const CriuStart& start, int socket, int failure, int errors) {
  constexpr int kAway = 200;
  const UniqueFd told(fcntl(failure, F_DUPFD_CLOEXEC, kAway));
  try {
    start.prepare();
    std::vector<int> moved = {fcntl(socket, F_DUPFD_CLOEXEC, kAway)};
    for (const int fd : start.fds) moved.push_back(fcntl(fd, F_DUPFD_CLOEXEC, kAway));
    if (!start.keeps_stdio) {
      const int null = open("/dev/null", O_RDWR | O_CLOEXEC);
      dup2(null, 0);
      dup2(null, 1);
      dup2(errors, 2);
    }
    for (size_t index = 0; index < moved.size(); ++index) {
      if (dup2(moved[index], kSocketFd + static_cast<int>(index)) < 0) throw_errno(kStep, "dup2");
    }
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, nullptr);
    execlp(start.program.c_str(), start.program.c_str(), "swrk", "3", static_cast<char*>(nullptr));
    const int error = errno;
    throw RuntimeError("", kStep, "execve", error, start.program,
                       error == ENOENT ? "criu is not installed (Debian: apt-get install criu)" : "");
  } catch (const RuntimeError& error) {
    const std::string text = error.what();
    if (write(told.get(), text.data(), text.size()) < 0) _exit(126);
  }
  _exit(127);
}

std::string read_all(int fd, size_t limit) {
  std::string text;
  char buffer[4096];
  for (ssize_t count; text.size() < limit && (count = read(fd, buffer, sizeof buffer)) > 0;)
    text.append(buffer, static_cast<size_t>(count));
  return text;
}

/// criu says many things; what ended it is the first line with "Error" in it.
std::string first_error(const std::string& text) {
  const size_t found = text.find("Error");
  if (found == std::string::npos) return "";
  const size_t begin = text.rfind('\n', found) == std::string::npos ? 0 : text.rfind('\n', found) + 1;
  return text.substr(begin, text.find('\n', found) - begin);
}

void send_message(int socket, const ProtobufWriter& message) {
  const std::string& text = message.text();
  if (send(socket, text.data(), text.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(text.size()))
    throw_errno(kStep, "send");
}

struct Answer {
  int type = 0;
  bool is_success = false;
  pid_t restored = 0;
  int error = 0;
  std::string message;
  CriuNotification notification;
};

pid_t read_pid(std::string_view text, int wanted) {
  for (ProtobufReader reader(text); reader.next();) {
    if (reader.field() == wanted) return static_cast<pid_t>(reader.number());
  }
  return 0;
}

Answer parse_answer(std::string_view text) {
  Answer answer;
  for (ProtobufReader reader(text); reader.next();) {
    switch (reader.field()) {
      case 1:
        answer.type = static_cast<int>(reader.number());
        break;
      case 2:
        answer.is_success = reader.number() != 0;
        break;
      case 4:
        answer.restored = read_pid(reader.bytes(), 1);
        break;
      case 5:
        answer.notification.pid = read_pid(reader.bytes(), 2);
        for (ProtobufReader inner(reader.bytes()); inner.next();) {
          if (inner.field() == 1) answer.notification.script = inner.bytes();
        }
        break;
      case 7:
        answer.error = static_cast<int>(reader.number());
        break;
      case 9:
        answer.message = reader.bytes().substr(0, reader.bytes().find('\n'));
        break;
      default:
        break;
    }
  }
  return answer;
}

/// The next answer; none when criu has gone.
std::optional<Answer> receive(int socket) {
  static char buffer[kMaxAnswer];
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
  iovec data = {buffer, sizeof buffer};
  msghdr message = {};
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  ssize_t count;
  do count = recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
  while (count < 0 && errno == EINTR);
  if (count <= 0) return std::nullopt;
  Answer answer = parse_answer({buffer, static_cast<size_t>(count)});
  const cmsghdr* header = CMSG_FIRSTHDR(&message);
  if (header != nullptr && header->cmsg_type == SCM_RIGHTS) {
    int fd;
    memcpy(&fd, CMSG_DATA(header), sizeof fd);
    answer.notification.fd.reset(fd);
  }
  return answer;
}

/// The worker process; ended and reaped when this goes.
class Worker {
 public:
  explicit Worker(const CriuStart& start) {
    Pair sockets = make_sockets();
    Pair failure = make_pipe();
    Pair errors = make_pipe();
    pid_ = fork();
    if (pid_ < 0) throw_errno(kStep, "fork");
    if (pid_ == 0) become_criu(start, sockets.theirs.get(), failure.theirs.get(), errors.theirs.get());
    failure.theirs.reset();
    socket_ = std::move(sockets.ours);
    errors_ = std::move(errors.ours);
    const std::string text = read_all(failure.ours.get(), kMaxErrors);  // its end is execve's success
    if (!text.empty()) {
      end(SIGKILL);
      throw RuntimeError("", kStep, "", 0, "", text);
    }
  }
  ~Worker() { end(SIGKILL); }
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  int socket() const { return socket_.get(); }
  pid_t pid() const { return pid_; }
  std::string errors() {
    end(0);
    return first_error(read_all(errors_.get(), kMaxErrors));
  }

  void end(int signal) {
    if (pid_ <= 0) return;
    socket_.reset();  // at its end criu ends, too
    if (signal != 0) kill(pid_, signal);
    while (waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) continue;
    pid_ = 0;
  }

 private:
  UniqueFd socket_, errors_;
  pid_t pid_ = 0;
};

}  // namespace

pid_t run_criu(const CriuStart& start, CriuRequest request, const ProtobufWriter& options,
               const std::function<void(CriuNotification&)>& on_notification) {
  Worker worker(start);
  start.on_started(worker.pid());
  ProtobufWriter message;
  message.number(1, static_cast<int>(request));
  message.message(2, options);
  send_message(worker.socket(), message);
  for (;;) {
    std::optional<Answer> answer = receive(worker.socket());
    if (!answer) {
      const std::string said = worker.errors();
      throw RuntimeError("", kStep, "", 0, "", said.empty() ? "criu broke off without an answer" : said);
    }
    if (answer->type == static_cast<int>(CriuRequest::notify)) {
      on_notification(answer->notification);
      ProtobufWriter done;
      done.number(1, static_cast<int>(CriuRequest::notify));
      done.number(3, 1);
      send_message(worker.socket(), done);
      continue;
    }
    if (!answer->is_success) {
      throw RuntimeError("", kStep, "", answer->error, "", answer->message);
    }
    worker.end(0);
    return answer->restored;
  }
}

}  // namespace tsc
