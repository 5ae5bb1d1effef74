// One end of a process's stdio, opened by path: for the parents of processes that no stage has cloned.
#pragma once

#include <string>

#include "linux/unique-fd.h"

namespace tsc {

struct StdioStream {
  UniqueFd child;  // what the process gets
  UniqueFd keep;   // our own O_RDWR end, which keeps a FIFO from ending; none for other files
};

/// A FIFO or file path, a file:// URI, or "" for /dev/null.
StdioStream open_stdio_stream(std::string path, bool is_input);

}  // namespace tsc
