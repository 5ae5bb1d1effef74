// What this process may do to the host: used where a runtime without the host's rights has to go another way.
#pragma once

#include <string>

namespace tsc {

/// False in the namespace that the machine was started with, where ids are what they are. user_namespaces(7)
bool is_in_user_namespace();

/// The caller is no root of the machine: an ordinary user, or root in a user namespace.
bool is_rootless();

/// The caller's things are a user's own: state below XDG_RUNTIME_DIR, scopes of the user's systemd. Root in a user
/// namespace is an ordinary user too, as under podman, unless USER says otherwise, as in a container.
bool is_ordinary_user();

/// The path of a program by PATH, "" when there is none: newuidmap(1) and newgidmap(1).
std::string find_program(const std::string& name);

}  // namespace tsc
