// The directory goes as a tar through a pipe to the layer applier: what it knows of whiteouts, links and attributes is
// known in one place. Files that are named like whiteouts (.wh.*) are taken for such, as in every layer.
#include "archive/tree-image.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <exception>

#include "archive/layer-applier.h"
#include "archive/layer-writer.h"
#include "linux/error.h"
#include "linux/thread.h"
#include "linux/unique-fd.h"

namespace tsc {
namespace {

std::string path_of(const UniqueFd& fd) { return "/proc/self/fd/" + std::to_string(fd.get()); }

/// The writer's failure is that the reader had gone.
bool is_closed_pipe(const std::exception_ptr& failure) {
  try {
    std::rethrow_exception(failure);
  } catch (const RuntimeError& error) {
    return error.error == EPIPE || error.error == ENXIO;
  } catch (...) {
    return false;
  }
}

}  // namespace

void write_image(const std::string& source, const std::string& image, bool user_overlay, bool sync) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) throw_errno("write image", "pipe2", image);
  UniqueFd out(ends[0]);
  UniqueFd in(ends[1]);
  fcntl(in.get(), F_SETPIPE_SZ, 1 << 20);
  WriteRequest writing;
  writing.source = source;
  writing.name = ".";
  writing.archive = path_of(in);
  writing.is_pipe = true;
  writing.overlay_whiteouts = true;
  writing.user_overlay = user_overlay;
  writing.keeps_nanoseconds = true;
  std::exception_ptr failure;
  std::thread writer = start_thread("write image", [&] {
    try {
      write_layer(writing);
    } catch (...) {
      failure = std::current_exception();
    }
    in.reset();  // the reader sees the end
  });
  LayerRequest reading;
  reading.blob = path_of(out);
  reading.operation = "write image of " + source;
  reading.image = image;
  reading.whiteouts = user_overlay ? Whiteouts::user_overlay : Whiteouts::overlay;
  reading.sync = sync;
  std::exception_ptr refusal;
  try {
    apply_layer(reading);
  } catch (...) {
    refusal = std::current_exception();
  }
  out.reset();  // a writer that still writes ends
  writer.join();
  if (failure && !refusal) unlink(image.c_str());
  if (failure && !is_closed_pipe(failure)) std::rethrow_exception(failure);  // the reader only saw a torn end
  if (refusal) std::rethrow_exception(refusal);
  if (failure) std::rethrow_exception(failure);
}

}  // namespace tsc
