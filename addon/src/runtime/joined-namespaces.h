// Namespaces that config.json names by path, opened and checked before anything is made.
#pragma once

#include <cstdint>
#include <map>

#include "linux/unique-fd.h"
#include "oci/config.h"

namespace tsc {

/// By CLONE_NEW*.
using JoinedNamespaces = std::map<std::uint64_t, UniqueFd>;

/// Throws when a path is not a namespace of the type it is given for. One that this process is in already is taken out
/// of the configuration: to join it is to inherit it, and what needs a namespace of the container's own must not be
/// let through.
JoinedNamespaces open_joined_namespaces(oci::Config& config);

}  // namespace tsc
