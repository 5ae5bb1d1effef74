// Compiled seccomp profiles: see the header.
#include "linux/seccomp-cache.h"

#include <dirent.h>
#include <seccomp.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <map>
#include <mutex>

#include "linux/error.h"
#include "linux/file.h"
#include "linux/hash.h"

namespace tsc {
namespace {

constexpr const char* kStep = "keep seccomp program";
constexpr size_t kKeptPrograms = 32;
constexpr int kKeptFiles = 256;
constexpr std::uint64_t kFormat = 0x5453'4550'0000'0003u;  // its last digits count up with each change of the format

struct Header {
  std::uint64_t format, key_size, flags, path_size, metadata_size, count;
};

/// All that the program depends on.
std::string key_of(const std::string& profile) {
  const scmp_version* version = seccomp_version();
  return std::to_string(version->major) + "." + std::to_string(version->minor) + "." + std::to_string(version->micro) +
         " " + std::to_string(seccomp_arch_native()) + " " + profile;
}

/// A name for the file only: the file carries its key, so a collision costs a compilation and nothing else.
std::string file_name(const std::string& key) {
  char text[20];
  snprintf(text, sizeof text, "%016llx", static_cast<unsigned long long>(fnv1a(key)));
  return text;
}

/// `key` empty: whatever it was made of.
bool load(const std::string& path, const std::string& key, SeccompProgram& program) {
  std::string content;
  if (!try_read_file(path, content)) return false;
  errno = EIO;
  Header header;
  if (content.size() < sizeof header) return false;
  memcpy(&header, content.data(), sizeof header);
  size_t position = sizeof header;
  for (const std::uint64_t size : {header.key_size, header.path_size, header.metadata_size, header.count * 8}) {
    if (size > content.size() - position) return false;
    position += size;
  }
  if (header.format != kFormat || position != content.size() || header.count > content.size()) return false;
  if (!key.empty() && content.compare(sizeof header, header.key_size, key) != 0) return false;
  program.flags = static_cast<std::uint32_t>(header.flags);
  position = sizeof header + header.key_size;
  program.listener_path = content.substr(position, header.path_size);
  program.listener_metadata = content.substr(position + header.path_size, header.metadata_size);
  program.instructions.resize(header.count);
  memcpy(program.instructions.data(), content.data() + content.size() - header.count * 8, header.count * 8);
  return true;
}

/// As `link`, and from there into the cache; another process may be doing the same.
void save(const std::string& path, const std::string& link, const std::string& key, const SeccompProgram& program) {
  const Header header = {kFormat,
                         key.size(),
                         program.flags,
                         program.listener_path.size(),
                         program.listener_metadata.size(),
                         program.instructions.size()};
  std::string content(reinterpret_cast<const char*>(&header), sizeof header);
  content += key + program.listener_path + program.listener_metadata;
  content.append(reinterpret_cast<const char*>(program.instructions.data()), program.instructions.size() * 8);
  replace_file(kStep, link, content);
  unlink(path.c_str());
  // The container has its program; the cache, which another process may be emptying, only spares the next one time.
  [[maybe_unused]] const int cached = ::link(link.c_str(), path.c_str());
}

/// Someone who makes a profile per container shall not fill a tmpfs with programs that nobody asks for again.
void empty_when_full(const std::string& path) {
  DIR* directory = opendir(path.c_str());
  if (directory == nullptr) return;
  int count = 0;
  while (readdir(directory) != nullptr) ++count;
  closedir(directory);
  if (count > kKeptFiles) remove_tree(path);
}

/// A further name for the file. False when it is not there, or not the one that is meant: `expected` is its inode.
bool try_link(const std::string& path, const std::string& name, std::uint64_t expected) {
  struct stat found;
  if (link(path.c_str(), name.c_str()) != 0) return false;
  if (expected == 0 || (stat(name.c_str(), &found) == 0 && found.st_ino == expected)) return true;
  unlink(name.c_str());
  return false;
}

std::uint64_t inode_of(const std::string& path) {
  struct stat found;
  if (stat(path.c_str(), &found) != 0) throw_errno(kStep, "stat", path);
  return found.st_ino;
}

struct Kept {
  std::shared_ptr<const SeccompProgram> program;
  std::uint64_t inode;  // of its file: another profile's of the same hash is another file
};

}  // namespace

std::shared_ptr<const SeccompProgram> cached_seccomp(const std::string& profile, const std::string& directory,
                                                     const std::string& link) {
  static std::mutex mutex;
  static std::map<std::string, Kept> kept;
  const std::string key = key_of(profile);
  const std::string path = directory + "/" + file_name(key);
  const std::lock_guard lock(mutex);
  const auto found = kept.find(key);
  if (found != kept.end() && try_link(path, link, found->second.inode)) return found->second.program;
  auto program = std::make_shared<SeccompProgram>();
  // Linked first and read by that name, so that both are the same file whatever others do to the cache.
  if (!try_link(path, link, 0) || !load(link, key, *program)) {
    unlink(link.c_str());
    *program = compile_seccomp(profile);
    empty_when_full(directory);
    make_directories(kStep, directory, 0700);
    save(path, link, key, *program);
  }
  if (kept.size() >= kKeptPrograms) kept.clear();
  kept.insert_or_assign(key, Kept{program, inode_of(link)});
  return program;
}

bool load_seccomp(const std::string& link, SeccompProgram& program) { return load(link, "", program); }

}  // namespace tsc
