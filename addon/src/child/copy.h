// One direction of a terminal's traffic: bytes from one fd to another through a fixed buffer, without ever blocking.
#pragma once

namespace tsc::child {

inline constexpr int kCopyBuffer = 65536;

struct Copy {
  int from;  // -1 once it has ended
  int to;
  char* buffer;  // kCopyBuffer bytes
  int begin;
  int end;

  bool wants_read() const { return from >= 0 && end == 0; }
  bool wants_write() const { return begin < end; }
};

/// Reads if the buffer is empty. A read of 0 or EIO (the pty has no more slaves) ends the source.
void copy_read(Copy& copy);
/// Writes what there is. A target that is gone drops the bytes: the container must not be held up by it.
void copy_write(Copy& copy);

}  // namespace tsc::child
