// write_image: a directory, such as an overlay's upper one, as an EROFS image; the erofs snapshotter's commit calls it.
#pragma once

#include <string>

namespace tsc {

/// Blocking. `user_overlay`: whiteouts are those of an overlay mounted with `userxattr`. Throws as apply_layer does; the
/// image must not exist, and on an error it does not.
void write_image(const std::string& source, const std::string& image, bool user_overlay, bool sync);

}  // namespace tsc
