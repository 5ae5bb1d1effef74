// start_thread: a thread, or the kernel's reason why there is none. Whoever needs a thread begins it here.
#pragma once

#include <string_view>
#include <system_error>
#include <thread>
#include <utility>

#include "linux/error.h"

namespace tsc {

/// std::thread alone throws what no front knows: where no further process may be (pids.max, RLIMIT_NPROC) that is EAGAIN.
template <typename Work>
std::thread start_thread(std::string_view step, Work&& work) {
  try {
    return std::thread(std::forward<Work>(work));
  } catch (const std::system_error& error) {
    throw_errno(error.code().value(), step, "clone", "thread");
  }
}

}  // namespace tsc
