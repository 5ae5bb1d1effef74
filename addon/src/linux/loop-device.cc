// LOOP_CTL_GET_FREE names a device that somebody else may take before LOOP_CONFIGURE (Linux 5.8): then another is asked for.
#include "linux/loop-device.h"

#include <fcntl.h>
#include <linux/loop.h>
#include <sys/ioctl.h>

#include <cerrno>

#include "linux/error.h"

namespace tsc {
namespace {

constexpr int kTries = 64;

}  // namespace

LoopDevice::LoopDevice(const std::string& file) {
  const UniqueFd control(::open("/dev/loop-control", O_RDWR | O_CLOEXEC));
  if (!control) throw_errno("attach loop device", "open", "/dev/loop-control");
  const UniqueFd backing(::open(file.c_str(), O_RDONLY | O_CLOEXEC));
  if (!backing) throw_errno("attach loop device", "open", file);
  loop_config config = {};
  config.fd = static_cast<__u32>(backing.get());
  config.info.lo_flags = LO_FLAGS_READ_ONLY | LO_FLAGS_AUTOCLEAR;
  for (int i = 0; i < kTries; ++i) {
    const int number = ioctl(control.get(), LOOP_CTL_GET_FREE);
    if (number < 0) throw_errno("attach loop device", "LOOP_CTL_GET_FREE", file);
    path_ = "/dev/loop" + std::to_string(number);
    fd_ = UniqueFd(::open(path_.c_str(), O_RDONLY | O_CLOEXEC));
    if (!fd_) throw_errno("attach loop device", "open", path_);
    if (ioctl(fd_.get(), LOOP_CONFIGURE, &config) == 0) return;
    if (errno != EBUSY) throw_errno("attach loop device", "LOOP_CONFIGURE", path_);
  }
  throw_errno(EBUSY, "attach loop device", "LOOP_CONFIGURE", file);
}

}  // namespace tsc
