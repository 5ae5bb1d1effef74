// BadArchive: an archive that is refused, broken or hostile; the entry it names is the error's path. The disk's own
// failures are plain RuntimeErrors.
#pragma once

#include <string>

#include "linux/error.h"

namespace tsc {

class BadArchive : public RuntimeError {
 public:
  BadArchive(const std::string& entry, const std::string& detail, const std::string& operation = "")
      : RuntimeError(operation, "read archive", "", 0, entry, detail, Reason::invalid_argument) {}
};

}  // namespace tsc
