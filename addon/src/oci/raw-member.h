// Takes one member out of a JSON text as text, before the rest is parsed: linux.seccomp is most of a config.json, and
// its text is all that is needed when it has been compiled before. Used by parse_config.
#pragma once

#include <string>
#include <string_view>

namespace tsc::oci {

/// Gives the text of the object at `outer`.`inner` and leaves `null` in its place. Empty, and the text as it was, when
/// there is none, or when only a real parser can tell (a key twice or with escapes, text that is no JSON).
std::string take_raw_member(std::string& text, std::string_view outer, std::string_view inner);

}  // namespace tsc::oci
