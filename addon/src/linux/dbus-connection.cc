// A connection to systemd: see the header. org.freedesktop.systemd1(5)
#include "linux/dbus-connection.h"

#include <fcntl.h>
#include <poll.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "linux/bus-address.h"
#include "linux/error.h"
#include "linux/user-namespace.h"

namespace tsc {
namespace {

constexpr const char* kStep = "talk to systemd";
constexpr const char* kManager = "org.freedesktop.systemd1";
constexpr const char* kManagerPath = "/org/freedesktop/systemd1";
constexpr const char* kManagerInterface = "org.freedesktop.systemd1.Manager";
constexpr const char* kBus = "org.freedesktop.DBus";
constexpr const char* kBusPath = "/org/freedesktop/DBus";
constexpr int kAnswerTimeoutMs = 30000;
constexpr std::size_t kMaxSignals = 256;
constexpr std::size_t kMaxLine = 512;

void wait_readable(int fd) {
  pollfd watched = {fd, POLLIN, 0};
  int count;
  do {
    count = ::poll(&watched, 1, kAnswerTimeoutMs);
  } while (count < 0 && errno == EINTR);
  if (count < 0) throw_errno(kStep, "poll");
  if (count == 0) throw RuntimeError("", kStep, "poll", ETIMEDOUT, "", "no answer in 30 seconds");
}

std::string hexadecimal(const std::string& text) {
  std::string result;
  for (const char letter : text) {
    constexpr const char* kDigits = "0123456789abcdef";
    result += kDigits[static_cast<unsigned char>(letter) >> 4];
    result += kDigits[static_cast<unsigned char>(letter) & 15];
  }
  return result;
}

void send_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t count = ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) throw_errno(kStep, "send");
    bytes.remove_prefix(static_cast<std::size_t>(count));
  }
}

}  // namespace

bool is_systemd_running() noexcept {
  struct stat found;
  return lstat("/run/systemd/system", &found) == 0 && S_ISDIR(found.st_mode);
}

SystemdConnection::SystemdConnection() {
  const bool is_direct = connect();
  authenticate();
  if (is_direct) return;
  call_object(kBus, kBusPath, kBus, "Hello", DbusWriter());
  call_object(kBus, kBusPath, kBus, "AddMatch",
              DbusWriter().add_text("type='signal',interface='org.freedesktop.systemd1.Manager',member='JobRemoved'"));
  call("Subscribe", DbusWriter());
}

bool SystemdConnection::connect() {
  std::string tried;
  int error = 0;
  for (const BusSocket& socket : systemd_sockets()) {
    error = try_connect(socket.name);
    if (error == 0) return socket.is_direct;
    tried += (tried.empty() ? "" : ", ") + (socket.name[0] == '\0' ? "@" + socket.name.substr(1) : socket.name);
  }
  const RuntimeError failure("", kStep, "connect", error, tried, tried.empty() ? "no socket is known" : "");
  if (!is_ordinary_user()) throw failure;
  throw failure.advised(
      "an ordinary user's containers are scopes of their own systemd: log in with a session of its (or `loginctl "
      "enable-linger`), and set XDG_RUNTIME_DIR or DBUS_SESSION_BUS_ADDRESS");
}

/// The errno of a failure.
int SystemdConnection::try_connect(const std::string& name) {
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  if (name.size() >= sizeof address.sun_path) return ENAMETOOLONG;
  name.copy(address.sun_path, name.size());
  socket_ = UniqueFd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!socket_) throw_errno(kStep, "socket");
  // An abstract name is as long as it is told to be; a path ends with a NUL.
  const size_t length = offsetof(sockaddr_un, sun_path) + name.size() + (name[0] == '\0' ? 0 : 1);
  const auto* wanted = reinterpret_cast<sockaddr*>(&address);
  return ::connect(socket_.get(), wanted, static_cast<socklen_t>(length)) == 0 ? 0 : errno;
}

/// EXTERNAL: the kernel vouches for who we are. "Authentication Protocol" of the specification. BEGIN goes along with
/// the first line, as systemd's own clients send it: a message that comes with BEGIN in one read lies in systemd's
/// buffer until the next byte arrives, and by the time OK is here BEGIN has been read.
///
/// In a user namespace our own id is another than the one that the bus sees: then it is left to the bus to look.
void SystemdConnection::authenticate() {
  const std::string identity =
      is_in_user_namespace() ? "\r\nDATA" : " " + hexadecimal(std::to_string(geteuid()));
  send_all(socket_.get(), std::string(1, '\0') + "AUTH EXTERNAL" + identity + "\r\nBEGIN\r\n");
  std::string line = read_line();
  if (line == "DATA\r\n") line = read_line();
  if (line.rfind("OK ", 0) != 0) throw RuntimeError("", kStep, "", EACCES, "", "authentication: " + line);
}

std::string SystemdConnection::read_line() {
  std::string line;
  while (line.size() < kMaxLine && (line.empty() || line.back() != '\n')) {
    char letter;
    read_exactly(&letter, 1);
    line.push_back(letter);
  }
  return line;
}

void SystemdConnection::read_exactly(char* buffer, std::size_t size) {
  while (size > 0) {
    wait_readable(socket_.get());
    const ssize_t count = recv(socket_.get(), buffer, size, 0);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) throw_errno(kStep, "recv");
    if (count == 0) throw RuntimeError("", kStep, "recv", ECONNRESET, "", "the connection was closed");
    buffer += count;
    size -= static_cast<std::size_t>(count);
  }
}

std::uint32_t SystemdConnection::send(DbusMessage message) {
  message.serial = ++serial_;
  send_all(socket_.get(), message.encode());
  return message.serial;
}

DbusMessage SystemdConnection::receive() {
  std::string bytes(kDbusPreambleSize, '\0');
  read_exactly(bytes.data(), bytes.size());
  const std::size_t size = dbus_message_size(bytes);
  DbusMessage message;
  if (size >= kDbusPreambleSize) {
    bytes.resize(size);
    read_exactly(bytes.data() + kDbusPreambleSize, size - kDbusPreambleSize);
  }
  if (!decode_dbus_message(bytes, message)) throw RuntimeError("", kStep, "", EPROTO, "", "not a D-Bus message");
  return message;
}

DbusMessage SystemdConnection::call_object(const char* destination, const char* path, const char* interface,
                                           const char* method, const DbusWriter& arguments) {
  DbusMessage request;
  request.destination = destination;
  request.path = path;
  request.interface = interface;
  request.member = method;
  request.signature = arguments.signature();
  request.body = arguments.body();
  const std::uint32_t serial = send(std::move(request));
  for (;;) {
    DbusMessage message = receive();
    const bool is_answer = message.type == DbusMessage::Type::method_return || message.type == DbusMessage::Type::error;
    if (is_answer && message.reply_serial == serial) return message;
    if (message.type == DbusMessage::Type::signal && message.member == "JobRemoved" && signals_.size() < kMaxSignals)
      signals_.push_back(std::move(message));
  }
}

std::vector<std::string> SystemdConnection::call(const char* method, const DbusWriter& arguments,
                                                 const char* ignored_error) {
  const DbusMessage answer = call_object(kManager, kManagerPath, kManagerInterface, method, arguments);
  if (answer.type == DbusMessage::Type::method_return) return answer.strings();
  if (ignored_error != nullptr && answer.error_name.ends_with(ignored_error)) return {};
  const std::vector<std::string> words = answer.strings();
  throw RuntimeError("", std::string("systemd ") + method, "", 0, "",
                     (words.empty() ? "" : words.front() + " ") + "(" + answer.error_name + ")");
}

std::string SystemdConnection::wait_for_job(const std::string& job) {
  for (;;) {
    DbusMessage signal;
    if (signals_.empty()) {
      signal = receive();
    } else {
      signal = std::move(signals_.front());
      signals_.pop_front();
    }
    if (signal.type != DbusMessage::Type::signal || signal.member != "JobRemoved") continue;
    // The job's number, its path, its unit, its result.
    const std::vector<std::string> words = signal.strings();
    if (words.size() == 3 && words[0] == job) return words[2];
  }
}

}  // namespace tsc
