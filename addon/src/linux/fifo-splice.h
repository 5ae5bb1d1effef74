// FIFOs: made, sized, and emptied into files without a copy through this process.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <string>

namespace tsc {

void make_fifo(const std::string& path, mode_t mode);

/// Asks for a capacity in bytes and returns what the kernel gave.
int set_pipe_size(int fd, int bytes);

/// Moves up to `length` bytes to the end of a file: bytes moved, 0 at the end of the pipe, -1 when it is empty.
ssize_t splice_to_file(int pipe, int file, std::size_t length);

}  // namespace tsc
