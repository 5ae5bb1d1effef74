// PlanArena: see the header.
#include "runtime/plan-arena.h"

#include <string.h>
#include <sys/mman.h>

#include "linux/error.h"

namespace tsc {
namespace {

/// Room, not memory: only touched pages exist. Arguments and environment alone may fill 6 MiB (execve(2)).
constexpr std::uint64_t kRoom = 64ull << 20;
constexpr const char* kStep = "plan";

}  // namespace

PlanArena::PlanArena(Storage storage) {
  int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
  if (storage == Storage::memfd) {
    memfd_.reset(memfd_create("tsrunc-plan", MFD_CLOEXEC));
    if (!memfd_) throw_errno(kStep, "memfd_create");
    if (ftruncate(memfd_.get(), static_cast<off_t>(kRoom)) != 0) throw_errno(kStep, "ftruncate");
    flags = MAP_SHARED;
  }
  void* memory = mmap(nullptr, kRoom, PROT_READ | PROT_WRITE, flags, memfd_.get(), 0);
  if (memory == MAP_FAILED) throw_errno(kStep, "mmap");
  memory_ = static_cast<char*>(memory);
  child::Plan* plan = allocate<child::Plan>(1);
  plan->magic = child::kPlanMagic;
  plan->join_pidfd = plan->cgroup2_fd = plan->cgroup_namespace_fd = plan->exec_fifo_fd = plan->rootfs.tree_fd = -1;
  plan->mount_namespace_fd = plan->root_fd = plan->resctrl_fd = plan->monitor_group_fd = -1;
}

PlanArena::~PlanArena() {
  if (memory_ != nullptr) munmap(memory_, kRoom);
}

void* PlanArena::reserve(std::uint64_t size, std::uint64_t alignment) {
  used_ = (used_ + alignment - 1) / alignment * alignment;
  if (size > kRoom - used_) throw_errno(E2BIG, kStep, "reserve");
  void* result = memory_ + used_;
  used_ += size;
  return result;
}

void PlanArena::set(child::Text& text, std::string_view value) {
  char* copy = allocate<char>(value.size() + 1);
  memcpy(copy, value.data(), value.size());
  text.set(copy);
}

void PlanArena::set_if(child::Text& text, std::string_view value) {
  if (!value.empty()) set(text, value);
}

void PlanArena::set(child::List<child::Text>& list, const std::vector<std::string>& values) {
  resize(list, values.size());
  for (size_t index = 0; index < values.size(); ++index) set(list[index], values[index]);
}

void PlanArena::finish() {
  plan().size = used_;
  if (memfd_ && ftruncate(memfd_.get(), static_cast<off_t>(used_)) != 0) throw_errno(kStep, "ftruncate");
}

}  // namespace tsc
