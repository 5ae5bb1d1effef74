// Our version and the specification's, for --version, spec and features.
#pragma once

namespace tsc::cli {

inline constexpr const char* kVersion = "0.1.0";
/// The runtime-spec version whose config.json is understood.
inline constexpr const char* kSpecVersion = "1.3.0";
/// The commit that this was built from: its hash, with "-dirty" when the source had changes; "unknown" outside git.
const char* commit();

}  // namespace tsc::cli
