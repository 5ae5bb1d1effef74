// The commit of this build: see the header. A file of its own, since it is compiled anew with each commit.
#include "cli/version.h"

#include "commit.h"  // written by the build

namespace tsc::cli {

const char* commit() { return TSRUNC_COMMIT; }

}  // namespace tsc::cli
