// PlanArena: the one piece of memory that a plan lives in. Objects are laid side by side, zeroed, and never freed one
// by one; Refs between them stay right wherever the bytes are mapped.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "child/plan.h"
#include "linux/unique-fd.h"

namespace tsc {

class PlanArena {
 public:
  enum class Storage { memfd, anonymous };

  explicit PlanArena(Storage storage);
  ~PlanArena();
  PlanArena(const PlanArena&) = delete;
  PlanArena& operator=(const PlanArena&) = delete;

  child::Plan& plan() { return *reinterpret_cast<child::Plan*>(memory_); }

  void set(child::Text& text, std::string_view value);
  /// Only when not empty: an empty string stays a null Text.
  void set_if(child::Text& text, std::string_view value);
  void set(child::List<child::Text>& list, const std::vector<std::string>& values);

  template <class T>
  T* allocate(std::uint64_t count) {
    return static_cast<T*>(reserve(count * sizeof(T), alignof(T)));
  }
  template <class T>
  void resize(child::List<T>& list, std::uint64_t count) {
    list.items.set(count == 0 ? nullptr : allocate<T>(count));
    list.count = count;
  }

  /// Fixes the size. With memfd storage the file now holds the plan.
  void finish();
  int memfd() const { return memfd_.get(); }

 private:
  void* reserve(std::uint64_t size, std::uint64_t alignment);

  UniqueFd memfd_;
  char* memory_ = nullptr;
  std::uint64_t used_ = 0;
};

}  // namespace tsc
