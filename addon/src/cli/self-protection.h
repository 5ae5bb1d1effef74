// Keeps the command's own executable from being written by a container it works on (CVE-2019-5736).
//
// Between clone and execve the container's process runs our program, and it may be made to execute it once more
// (`#!/proc/self/exe`): whoever opens its /proc/PID/exe could write the file on the host. So it never runs from that
// file: the command executes itself again from a read-only mount of its own, which is in no namespace and which nobody
// can make writable; where mounts are not allowed, from a sealed copy in memory. The monitor is born that way.
#pragma once

namespace tsc::cli {

/// To be called first of all, with main's arguments. Returns when the program is safe already, or the command makes no
/// process of a container; ends the process when it cannot be made safe.
void protect_program(int count, char** words, char** environment);

}  // namespace tsc::cli
