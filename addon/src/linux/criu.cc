// criu as a worker: see the header.
#include "linux/criu.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>
#include <exception>
#include <optional>
#include <utility>

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

/// What posix_spawn is to do in the new process; nothing of ours runs there, so many threads are no matter.
class SpawnPlan {
 public:
  SpawnPlan() {
    posix_spawn_file_actions_init(&actions_);
    posix_spawnattr_init(&attributes_);
    sigset_t none, defaults;
    sigemptyset(&none);
    sigemptyset(&defaults);
    sigaddset(&defaults, SIGPIPE);  // Node ignores it, and what is ignored stays so
    posix_spawnattr_setsigmask(&attributes_, &none);
    posix_spawnattr_setsigdefault(&attributes_, &defaults);
    posix_spawnattr_setflags(&attributes_, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  }
  ~SpawnPlan() {
    posix_spawn_file_actions_destroy(&actions_);
    posix_spawnattr_destroy(&attributes_);
  }
  SpawnPlan(const SpawnPlan&) = delete;
  SpawnPlan& operator=(const SpawnPlan&) = delete;

  void give_null(int number, int flags) {
    posix_spawn_file_actions_addopen(&actions_, number, "/dev/null", flags, 0);
  }
  /// By way of a high number, so that none lies where another is to go.
  void give(int fd, int number) {
    UniqueFd away(fcntl(fd, F_DUPFD_CLOEXEC, kAway));
    if (!away) throw_errno(kStep, "fcntl");
    posix_spawn_file_actions_adddup2(&actions_, away.get(), number);
    held_.push_back(std::move(away));
  }
  pid_t spawn(const std::string& program) {
    std::string name = program, verb = "swrk", socket = std::to_string(kSocketFd);
    char* words[] = {name.data(), verb.data(), socket.data(), nullptr};
    pid_t pid = 0;
    const int error = posix_spawnp(&pid, name.c_str(), &actions_, &attributes_, words, environ);
    if (error == 0) return pid;
    throw RuntimeError("", kStep, "execve", error, program,
                       error == ENOENT ? "criu is not installed (Debian: apt-get install criu)" : "");
  }

 private:
  static constexpr int kAway = 200;
  posix_spawn_file_actions_t actions_;
  posix_spawnattr_t attributes_;
  std::vector<UniqueFd> held_;
};

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
  std::vector<char> buffer(kMaxAnswer);
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
  iovec data = {buffer.data(), buffer.size()};
  msghdr message = {};
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  ssize_t count;
  do count = recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
  while (count < 0 && errno == EINTR);
  if (count <= 0) return std::nullopt;
  Answer answer = parse_answer({buffer.data(), static_cast<size_t>(count)});
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
    Pair errors = make_pipe();
    SpawnPlan plan;
    if (!start.keeps_stdio) {
      plan.give_null(0, O_RDONLY);
      plan.give_null(1, O_WRONLY);
      plan.give(errors.theirs.get(), 2);
    }
    plan.give(sockets.theirs.get(), kSocketFd);
    for (size_t index = 0; index < start.fds.size(); ++index)
      plan.give(start.fds[index], kCriuFirstFd + static_cast<int>(index));
    pid_ = plan.spawn(start.program);
    socket_ = std::move(sockets.ours);
    errors_ = std::move(errors.ours);
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
  std::exception_ptr refusal;
  start.on_started(worker.pid());
  ProtobufWriter message;
  message.number(1, static_cast<int>(request));
  message.message(2, options);
  send_message(worker.socket(), message);
  for (;;) {
    std::optional<Answer> answer = receive(worker.socket());
    const bool is_over = !answer || answer->type != static_cast<int>(CriuRequest::notify);
    if (is_over && refusal) {
      worker.end(0);
      std::rethrow_exception(refusal);
    }
    if (!answer) {
      const std::string said = worker.errors();
      throw RuntimeError("", kStep, "", 0, "", said.empty() ? "criu broke off without an answer" : said);
    }
    if (!is_over) {
      try {
        if (!refusal) on_notification(answer->notification);
      } catch (...) {
        refusal = std::current_exception();
      }
      ProtobufWriter done;
      done.number(1, static_cast<int>(CriuRequest::notify));
      done.number(3, refusal ? 0 : 1);
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
