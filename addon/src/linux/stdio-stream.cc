// stdio by path: see the header.
#include "linux/stdio-stream.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <string_view>

#include "linux/error.h"
#include "linux/file.h"

namespace tsc {

StdioStream open_stdio_stream(std::string path, bool is_input) {
  constexpr const char* kStep = "open stdio";
  constexpr std::string_view kScheme = "file://";
  const int one_sided = is_input ? O_RDONLY : O_WRONLY | O_APPEND;
  StdioStream stream;
  if (path.empty()) {
    stream.child = open_file(kStep, "/dev/null", is_input ? O_RDONLY : O_WRONLY);
    return stream;
  }
  if (path.compare(0, kScheme.size(), kScheme) == 0) {
    stream.child = open_file(kStep, path.substr(kScheme.size()), one_sided | (is_input ? 0 : O_CREAT), 0640);
    return stream;
  }
  UniqueFd keep = open_file(kStep, path, O_RDWR | O_NONBLOCK);
  struct stat found;
  if (fstat(keep.get(), &found) != 0) throw_errno(kStep, "fstat", path);
  stream.child = open_file(kStep, path, one_sided);
  if (S_ISFIFO(found.st_mode)) stream.keep = std::move(keep);
  return stream;
}

}  // namespace tsc
