// Stdio of the outside: see the header. Field numbers: criu images/fdinfo.proto, regfile.proto, fifo.proto, pipe.proto.
#include "runtime/outer-stdio.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdint>
#include <functional>
#include <set>
#include <sstream>
#include <utility>

#include "linux/error.h"
#include "linux/file.h"
#include "linux/protobuf.h"

namespace tsc {
namespace {

constexpr const char* kStep = "change images";

using FileIdentity = std::pair<dev_t, ino_t>;

std::string process_path(pid_t pid, const std::string& what) { return "/proc/" + std::to_string(pid) + "/" + what; }

/// The ids of the mounts that the process sees. proc(5), /proc/PID/mountinfo
std::set<int> mount_ids(pid_t pid) {
  std::set<int> ids;
  std::istringstream lines(read_file("read mounts", process_path(pid, "mountinfo")));
  for (std::string line; std::getline(lines, line);) ids.insert(atoi(line.c_str()));
  return ids;
}

/// -1 for an fd that is closed by now.
int mount_id_of(pid_t pid, int fd) {
  std::string text;
  if (!try_read_file(process_path(pid, "fdinfo/" + std::to_string(fd)), text)) return -1;
  const size_t found = text.find("mnt_id:");
  return found == std::string::npos ? -1 : atoi(text.c_str() + found + strlen("mnt_id:"));
}

/// Anonymous pipes and sockets have a mount as well, which nobody sees; criu knows how to take them.
bool is_anonymous(pid_t pid, int fd) {
  char target[256];
  const ssize_t length = readlink(process_path(pid, "fd/" + std::to_string(fd)).c_str(), target, sizeof target);
  return length <= 0 || target[0] != '/';
}

std::vector<int> open_fds(pid_t pid) {
  std::vector<int> fds;
  DIR* directory = opendir(process_path(pid, "fd").c_str());
  if (directory == nullptr) return fds;  // it has ended
  while (const dirent* entry = readdir(directory)) {
    if (entry->d_name[0] != '.') fds.push_back(atoi(entry->d_name));
  }
  closedir(directory);
  return fds;
}

bool identify(const std::string& path, FileIdentity& identity) {
  struct stat found;
  if (path.empty() || stat(path.c_str(), &found) != 0) return false;
  identity = {found.st_dev, found.st_ino};
  return true;
}

std::string without_scheme(const std::string& path) {
  constexpr std::string_view kScheme = "file://";
  return path.rfind(kScheme, 0) == 0 ? path.substr(kScheme.size()) : path;
}

/// What init was given, by path, and what it has now: it may have put something else there since.
std::map<FileIdentity, int> identities(pid_t init, const ProcessIo& io, const std::set<int>& mounts) {
  std::map<FileIdentity, int> known;
  FileIdentity identity;
  for (int fd = 0; fd < 3; ++fd) {
    if (is_anonymous(init, fd) || mounts.count(mount_id_of(init, fd)) != 0) continue;
    if (identify(process_path(init, "fd/" + std::to_string(fd)), identity)) known.emplace(identity, fd);
  }
  const std::string* paths[] = {&io.std_in, &io.std_out, &io.std_err};
  for (int fd = 0; fd < 3; ++fd) {
    if (identify(without_scheme(*paths[fd]), identity)) known.emplace(identity, fd);
  }
  return known;
}

// An image: two words of magic, then for each entry its size in four bytes and the message.
constexpr size_t kMagicSize = 8;

std::vector<std::string> read_entries(const std::string& path, std::string& magic) {
  const std::string image = read_file(kStep, path);
  if (image.size() < kMagicSize) throw_errno(EIO, kStep, "read", path);
  magic = image.substr(0, kMagicSize);
  std::vector<std::string> entries;
  for (size_t offset = kMagicSize; offset < image.size();) {
    std::uint32_t size;
    if (image.size() - offset < sizeof size) throw_errno(EIO, kStep, "read", path);
    memcpy(&size, image.data() + offset, sizeof size);
    offset += sizeof size;
    if (image.size() - offset < size) throw_errno(EIO, kStep, "read", path);
    entries.push_back(image.substr(offset, size));
    offset += size;
  }
  return entries;
}

void write_entries(const std::string& path, std::string image, const std::vector<std::string>& entries) {
  for (const std::string& entry : entries) {
    const auto size = static_cast<std::uint32_t>(entry.size());
    image.append(reinterpret_cast<const char*>(&size), sizeof size);
    image.append(entry);
  }
  replace_file(kStep, path, image);
}

/// Both are fields of file_entry: 1 type, 2 id, then the message of that type.
enum FileType : std::uint64_t { kRegular = 1, kPipe = 2, kFifo = 3 };
constexpr int kRegularField = 3, kFifoField = 17, kPipeField = 18;

struct FileEntry {
  std::uint64_t type = 0, id = 0, flags = 0, pipe_id = 0, regular_id = 0;
  std::string owner, name;
  bool is_outer = false;

  explicit FileEntry(const std::string& text) {
    for (ProtobufReader entry(text); entry.next();) {
      if (entry.field() == 1) type = entry.number();
      if (entry.field() == 2) id = entry.number();
      if (entry.field() == kRegularField) read_regular(entry.bytes());
      if (entry.field() == kFifoField) read_ids(entry.bytes());
      if (entry.field() == kPipeField) read_ids(entry.bytes());
    }
  }

 private:
  void read_regular(std::string_view text) {
    for (ProtobufReader file(text); file.next();) {
      if (file.field() == 2) flags = file.number();
      if (file.field() == 5) owner = file.bytes();
      if (file.field() == 6) name = file.bytes();
      if (file.field() == 9) is_outer = file.number() != 0;
    }
  }
  void read_ids(std::string_view text) {
    for (ProtobufReader ids(text); ids.next();) {
      if (ids.field() == 2) pipe_id = ids.number();
      if (ids.field() == 3) regular_id = ids.number();
    }
  }
};

std::string pipe_entry(std::uint64_t id, std::uint32_t pipe_id, const FileEntry& file) {
  ProtobufWriter pipe, entry;
  pipe.number(1, static_cast<std::int64_t>(id));
  pipe.number(2, pipe_id);
  pipe.number(3, static_cast<std::int64_t>(file.flags));
  pipe.bytes(4, file.owner);
  entry.number(1, kPipe);
  entry.number(2, static_cast<std::int64_t>(id));
  entry.message(kPipeField, pipe);
  return entry.text();
}

/// One pipe for each standard fd; numbers that no pipe of the container has.
class PipeNumbers {
 public:
  void note(std::uint64_t number) { taken_.insert(number); }
  std::uint32_t of(int fd) {
    std::uint32_t& number = numbers_.at(static_cast<size_t>(fd));
    for (; number == 0; ++next_) {
      if (taken_.insert(next_).second) number = next_;
    }
    return number;
  }
  std::array<std::string, 3> names() const {
    std::array<std::string, 3> names;
    for (size_t fd = 0; fd < names.size(); ++fd) {
      if (numbers_[fd] != 0) names[fd] = "pipe:[" + std::to_string(numbers_[fd]) + "]";
    }
    return names;
  }

 private:
  std::set<std::uint64_t> taken_;
  std::uint32_t next_ = 1;
  std::array<std::uint32_t, 3> numbers_ = {};
};

/// fdinfo_entry: 1 id, 2 flags, 3 type, 4 fd, 5 label.
std::string with_pipe_type(const std::string& text) {
  ProtobufWriter changed;
  for (ProtobufReader entry(text); entry.next();) {
    if (entry.field() == 5)
      changed.bytes(5, entry.bytes());
    else
      changed.number(entry.field(), static_cast<std::int64_t>(entry.field() == 3 ? kPipe : entry.number()));
  }
  return changed.text();
}

void change_fd_tables(const std::string& images, const std::set<std::uint64_t>& changed) {
  DIR* directory = opendir(images.c_str());
  if (directory == nullptr) throw_errno(kStep, "opendir", images);
  std::vector<std::string> names;
  while (const dirent* item = readdir(directory)) {
    if (strncmp(item->d_name, "fdinfo-", strlen("fdinfo-")) == 0) names.push_back(item->d_name);
  }
  closedir(directory);
  for (const std::string& name : names) {
    const std::string path = images + "/" + name;
    std::string magic;
    std::vector<std::string> entries = read_entries(path, magic);
    for (std::string& entry : entries) {
      std::uint64_t id = 0;
      for (ProtobufReader reader(entry); reader.next();) {
        if (reader.field() == 1) id = reader.number();
      }
      if (changed.count(id) != 0) entry = with_pipe_type(entry);
    }
    write_entries(path, magic, entries);
  }
}

}  // namespace

OuterStdio find_outer_stdio(const std::vector<pid_t>& pids, pid_t init, const ProcessIo& io) {
  OuterStdio outer;
  if (io.terminal) return outer;  // its terminal is a file of the container's own
  const std::set<int> mounts = mount_ids(init);
  const std::map<FileIdentity, int> known = identities(init, io, mounts);
  if (known.empty()) return outer;
  for (const pid_t pid : pids) {
    for (const int fd : open_fds(pid)) {
      FileIdentity identity;
      if (is_anonymous(pid, fd) || !identify(process_path(pid, "fd/" + std::to_string(fd)), identity)) continue;
      const auto found = known.find(identity);
      const int mount = mount_id_of(pid, fd);
      if (found == known.end() || mounts.count(mount) != 0) continue;
      char name[64];
      snprintf(name, sizeof name, "file[%x:%llx]", static_cast<unsigned>(mount),
               static_cast<unsigned long long>(identity.second));
      outer.emplace(name, found->second);
    }
  }
  return outer;
}

std::array<std::string, 3> turn_into_pipes(const std::string& images, const OuterStdio& outer) {
  if (outer.empty()) return {};
  const std::string path = images + "/files.img";
  std::string magic;
  const std::vector<std::string> entries = read_entries(path, magic);
  PipeNumbers numbers;
  std::map<std::uint64_t, FileEntry> files;    // those of the outside, by id
  std::set<std::uint64_t> paths_of_fifos;  // which are no open files themselves
  for (const std::string& text : entries) {
    const FileEntry file(text);
    if (file.type == kPipe) numbers.note(file.pipe_id);
    if (file.type == kRegular && file.is_outer && outer.count(file.name) != 0) files.emplace(file.id, file);
    if (file.type == kFifo) paths_of_fifos.insert(file.regular_id);
  }
  std::vector<std::string> kept;
  std::set<std::uint64_t> changed;
  for (const std::string& text : entries) {
    const FileEntry file(text);
    const auto found = files.find(file.type == kFifo ? file.regular_id : file.id);
    if (found == files.end()) {
      kept.push_back(text);
      continue;
    }
    if (file.type == kRegular && paths_of_fifos.count(file.id) != 0) continue;
    kept.push_back(pipe_entry(file.id, numbers.of(outer.at(found->second.name)), found->second));
    changed.insert(file.id);
  }
  write_entries(path, magic, kept);
  change_fd_tables(images, changed);
  return numbers.names();
}

}  // namespace tsc
