// Layers made of anything, applied for real into a directory on a tmpfs: whatever they hold, nothing beside that directory
// may change. `pnpm fuzz tar` builds and runs it, as root. An input's first byte chooses how whiteouts are kept, and whether
// the layer becomes an EROFS image in that directory.
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "archive/directory.h"
#include "archive/layer-applier.h"
#include "archive/tree-removal.h"
#include "linux/error.h"
#include "linux/unique-fd.h"

namespace {

constexpr std::size_t kBlock = 512;
constexpr std::size_t kMagicAt = 257;
constexpr std::size_t kSumAt = 148;
constexpr std::size_t kSumLength = 8;
constexpr std::uint64_t kMaxBytes = 1 << 20;

/// `<scratch>/{target,outside/canary}`, made once.
class Scratch {
 public:
  Scratch() {
    char name[] = "/dev/shm/tar-fuzzer-XXXXXX";
    if (mkdtemp(name) == nullptr) abort();
    path_ = name;
    fd_ = tsc::UniqueFd(open(name, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!fd_ || mkdirat(fd_.get(), "outside", 0755) != 0) abort();
    const tsc::UniqueFd canary(openat(fd_.get(), "outside/canary", O_CREAT | O_WRONLY | O_CLOEXEC, 0644));
    if (!canary || write(canary.get(), "sing", 4) != 4) abort();
    before_ = facts();
  }
  ~Scratch() {
    for (const char* name : {"target", "outside"}) tsc::remove_tree_at(fd_.get(), name);
    rmdir(path_.c_str());
  }

  std::string fresh_target() {
    if (mkdirat(fd_.get(), "target", 0755) != 0) abort();
    return path_ + "/target";
  }

  /// Aborts, which is a finding, when anything but the target is not as it was.
  void check() {
    tsc::remove_tree_at(fd_.get(), "target");
    if (facts() != before_) abort();
  }

 private:
  std::string facts() const {
    std::string all;
    for (const char* directory : {".", "outside"}) {
      const tsc::UniqueFd fd(openat(fd_.get(), directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
      for (const tsc::DirectoryEntry& entry : tsc::read_directory(fd.get(), true)) all += entry.name + "\n";
    }
    struct stat canary = {};
    if (fstatat(fd_.get(), "outside/canary", &canary, AT_SYMLINK_NOFOLLOW) != 0) return "gone";
    char line[128];
    snprintf(line, sizeof line, "%o %ld %lu %ld.%ld", canary.st_mode, static_cast<long>(canary.st_size),
             static_cast<unsigned long>(canary.st_nlink), static_cast<long>(canary.st_mtim.tv_sec),
             static_cast<long>(canary.st_mtim.tv_nsec));
    return all + line;
  }

  std::string path_;
  tsc::UniqueFd fd_;
  std::string before_;
};

/// A changed header has a wrong sum, and would never get further than that: the sum is made right.
void mend_sums(std::vector<std::uint8_t>& tar) {
  for (std::size_t at = 0; at + kBlock <= tar.size(); at += kBlock) {
    std::uint8_t* header = tar.data() + at;
    if (memcmp(header + kMagicAt, "ustar", 5) != 0) continue;
    memset(header + kSumAt, ' ', kSumLength);
    unsigned sum = 0;
    for (std::size_t index = 0; index < kBlock; ++index) sum += header[index];
    snprintf(reinterpret_cast<char*>(header) + kSumAt, kSumLength, "%06o", sum);
    header[kSumAt + kSumLength - 1] = ' ';
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static Scratch scratch;
  if (size == 0) return 0;
  std::vector<std::uint8_t> tar(data + 1, data + size);
  mend_sums(tar);
  const tsc::UniqueFd blob(memfd_create("layer", MFD_CLOEXEC));
  if (!blob || write(blob.get(), tar.data(), tar.size()) != static_cast<ssize_t>(tar.size())) abort();
  tsc::LayerRequest request;
  request.blob = "/proc/self/fd/" + std::to_string(blob.get());
  request.target = scratch.fresh_target();
  if ((data[0] & 2) != 0) request.image = request.target + "/image";
  request.whiteouts = (data[0] & 1) == 0 ? tsc::Whiteouts::overlay : tsc::Whiteouts::deletion;
  request.max_bytes = kMaxBytes;
  try {
    tsc::apply_layer(request);
  } catch (const tsc::RuntimeError&) {
    // The one way in which a layer is refused.
  }
  scratch.check();
  return 0;
}
