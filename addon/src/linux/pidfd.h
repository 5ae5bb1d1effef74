// Processes by pidfd: pids are reused, so a recorded pid counts only together with its start time.
#pragma once

#include <sys/types.h>

#include <cstdint>

#include "linux/unique-fd.h"

namespace tsc {

/// Field 22 of /proc/PID/stat (clock ticks since boot); 0 when there is no such process. `state` takes field 3.
std::uint64_t process_start_time(pid_t pid, char* state = nullptr) noexcept;

/// A pidfd of exactly the process recorded as (pid, start_time); empty when it is gone.
UniqueFd open_recorded_process(pid_t pid, std::uint64_t start_time) noexcept;

/// True while the process runs; a zombie does not.
bool is_process_running(pid_t pid, std::uint64_t start_time) noexcept;

/// A duplicate of the other process's fd; empty and errno on failure. Kernel 5.6.
UniqueFd take_fd(int pidfd, int fd) noexcept;

bool signal_process(int pidfd, int signal) noexcept;

/// Waits until the process has ended, at most `timeout_ms`.
bool wait_for_end(int pidfd, int timeout_ms) noexcept;

}  // namespace tsc
