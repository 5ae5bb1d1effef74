// What -h prints, in the layout that runc's users and their scripts know: for tsrunc as a whole and for each command.
#include <stdio.h>

#include "cli/commands.h"

namespace tsc::cli {
namespace {

struct Help {
  const char* name;
  const char* summary;
  const char* usage;
  const char* options;  // one a line, or ""
  const char* more = "";
};

constexpr const char* kCreateOptions =
    "   --bundle value, -b value  the bundle's directory (default: the current one)\n"
    "   --console-socket value    unix socket that is sent the master end of the terminal\n"
    "   --pidfd-socket value      unix socket that is sent a pidfd of the container's process\n"
    "   --pid-file value          file to write the process id to\n"
    "   --no-pivot                without pivot_root; for a root on a ramdisk\n"
    "   --no-new-keyring          keep the caller's session keyring\n"
    "   --preserve-fds value      pass N more file descriptors, LISTEN_FDS apart (default: 0)\n";

constexpr const char* kRunOptions =
    "   --detach, -d              do not wait for the container's end\n"
    "   --keep                    keep the container once it has ended\n"
    "   --no-subreaper            do not reap what the container orphans\n";

constexpr const char* kCheckpointOptions =
    "   --image-path value           directory for criu's images (default: checkpoint)\n"
    "   --work-path value            directory for criu's work files and log\n"
    "   --parent-path value          images of the pre-dump before, relative to the image path\n"
    "   --leave-running              let the container run on\n"
    "   --tcp-established            allow open TCP connections\n"
    "   --tcp-skip-in-flight         skip TCP connections that are being opened\n"
    "   --link-remap                 allow files that have been removed but are open\n"
    "   --ext-unix-sk                allow unix sockets to the outside\n"
    "   --shell-job                  allow a terminal of the outside\n"
    "   --lazy-pages                 leave memory behind for userfaultfd to fetch\n"
    "   --status-fd value            criu writes \\0 here once lazy pages are ready\n"
    "   --page-server value          ADDRESS:PORT of the page server\n"
    "   --file-locks                 allow file locks\n"
    "   --pre-dump                   memory only; the container runs on\n"
    "   --manage-cgroups-mode value  soft (default), full, strict or ignore\n"
    "   --empty-ns value             make this namespace, but do not restore what is in it (network)\n"
    "   --auto-dedup                 remove from the parent images what is dumped anew\n";

constexpr const char* kRestoreOptions =
    "   --bundle value, -b value     the bundle's directory (default: the current one)\n"
    "   --image-path value           directory of criu's images (default: checkpoint)\n"
    "   --work-path value            directory for criu's work files and log\n"
    "   --console-socket value       unix socket that is sent the master end of the terminal\n"
    "   --pid-file value             file to write the process id to\n"
    "   --detach, -d                 do not wait for the container's end\n"
    "   --no-subreaper               do not reap what the container orphans\n"
    "   --no-pivot                   without pivot_root; for a root on a ramdisk\n"
    "   --tcp-established            allow open TCP connections\n"
    "   --ext-unix-sk                allow unix sockets to the outside\n"
    "   --shell-job                  allow a terminal of the outside\n"
    "   --lazy-pages                 fetch memory when it is touched, by userfaultfd\n"
    "   --file-locks                 allow file locks\n"
    "   --manage-cgroups-mode value  soft (default), full, strict or ignore\n"
    "   --empty-ns value             make this namespace, but do not restore what is in it (network)\n"
    "   --auto-dedup                 punch out of the images what has been restored\n"
    "   --lsm-profile value          LSM profile in place of the one dumped, as TYPE:NAME\n"
    "   --lsm-mount-context value    context= of mounts in place of the one dumped\n";

constexpr Help kHelp[] = {
    {"checkpoint", "checkpoint a running container", "[command options] <container-id>", kCheckpointOptions},
    {"create", "create a container", "[command options] <container-id>", kCreateOptions},
    {"delete", "delete what a container holds, once it has stopped", "[command options] <container-id>",
     "   --force, -f  kill the container first if it runs; no error if there is none\n"},
    {"events", "show a container's events: out of memory kills, and statistics", "[command options] <container-id>",
     "   --interval value  time between two statistics (default: 5s)\n"
     "   --stats           show the statistics once and end\n"},
    {"exec", "run a further process in a container", "[command options] <container-id> <command> [arguments]",
     "   --process value, -p value          process.json of the process\n"
     "   --cwd value                        its working directory\n"
     "   --env value, -e value              a further variable, NAME=VALUE\n"
     "   --tty, -t                          give it a terminal\n"
     "   --user value, -u value             UID[:GID]\n"
     "   --additional-gids value, -g value  a further group\n"
     "   --cap value, -c value              a further capability\n"
     "   --no-new-privs                     forbid it to gain privileges\n"
     "   --apparmor value                   its AppArmor profile\n"
     "   --process-label value              its SELinux label\n"
     "   --cgroup value                     a sub-cgroup to run in, [CONTROLLER,..:]PATH\n"
     "   --ignore-paused                    also in a paused container\n"
     "   --detach, -d                       do not wait for its end\n"
     "   --console-socket value             unix socket that is sent the master end of its terminal\n"
     "   --pidfd-socket value               unix socket that is sent a pidfd of it\n"
     "   --pid-file value                   file to write its process id to\n"
     "   --preserve-fds value               pass N more file descriptors (default: 0)\n"},
    {"features", "show what this runtime can do, as JSON", "", ""},
    {"kill", "send a signal to a container's first process", "[command options] <container-id> [signal]",
     "   --all, -a  to all its processes\n"},
    {"list", "list the containers of this root", "[command options]",
     "   --format value, -f value  table or json (default: table)\n"
     "   --quiet, -q               only the ids\n"},
    {"pause", "freeze all processes of a container", "<container-id>", ""},
    {"ps", "list the processes of a container", "[command options] <container-id> [ps options]",
     "   --format value, -f value  table or json (default: table)\n"},
    {"restore", "restore a container from a checkpoint", "[command options] <container-id>", kRestoreOptions},
    {"resume", "let the processes of a paused container run again", "<container-id>", ""},
    {"run", "create a container, start it and wait for its end", "[command options] <container-id>", kCreateOptions,
     kRunOptions},
    {"spec", "write a config.json to start from", "[command options]",
     "   --bundle value, -b value  directory to write it to (default: the current one)\n"
     "   --rootless                for a user who is not root\n"},
    {"start", "let a created container run its command", "<container-id>", ""},
    {"state", "show a container's state, as JSON", "<container-id>", ""},
    {"update", "change the limits of a container", "[command options] <container-id>",
     "   --resources value, -r value  file with linux.resources as JSON, - for standard input; then nothing else counts\n"
     "   --blkio-weight value         block IO weight, 10 to 1000\n"
     "   --cpu-period value           CFS period, microseconds\n"
     "   --cpu-quota value            CFS quota in a period, microseconds\n"
     "   --cpu-burst value            CFS burst, microseconds\n"
     "   --cpu-share value            CPU shares\n"
     "   --cpu-rt-period value        realtime period, microseconds\n"
     "   --cpu-rt-runtime value       realtime runtime in a period, microseconds\n"
     "   --cpu-idle value             1: runs when nothing else does\n"
     "   --cpuset-cpus value          processors, as 0-2,7\n"
     "   --cpuset-mems value          memory nodes\n"
     "   --memory value               memory limit, bytes\n"
     "   --memory-reservation value   soft memory limit, bytes\n"
     "   --memory-swap value          limit of memory and swap together, bytes; -1: none\n"
     "   --pids-limit value           number of processes; -1: no limit\n"
     "   --l3-cache-schema value      Intel RDT: L3 cache schema\n"
     "   --mem-bw-schema value        Intel RDT: memory bandwidth schema\n"},
};

constexpr const char* kGlobalOptions =
    "   --root value            directory of the containers' state; should be on a tmpfs (default: /run/tsrunc)\n"
    "   --log value             file for messages (default: standard error)\n"
    "   --log-format value      text or json (default: text)\n"
    "   --debug                 say more\n"
    "   --systemd-cgroup        let systemd make the cgroups; cgroupsPath is slice:prefix:name\n"
    "   --cgroup-manager value  cgroupfs or systemd, as crun names it\n"
    "   --rootless value        true, false or auto: go without cgroups that may not be made (default: auto)\n"
    "   --resctrl value         where resctrl is mounted (default: as the mount table says)\n"
    "   --criu value            criu's program (default: criu)\n"
    "   --help, -h\n"
    "   --version, -v\n";

}  // namespace

bool print_help(const std::string& command) {
  for (const Help& help : kHelp) {
    if (command != help.name) continue;
    printf("NAME:\n   tsrunc %s - %s\n\nUSAGE:\n   tsrunc %s %s\n", help.name, help.summary, help.name, help.usage);
    if (help.options[0] != '\0') printf("\nOPTIONS:\n%s%s", help.options, help.more);
    return true;
  }
  return false;
}

void print_global_help() {
  printf("NAME:\n   tsrunc - Open Container Initiative runtime\n\nUSAGE:\n");
  printf("   tsrunc [global options] command [command options] [arguments...]\n\nCOMMANDS:\n");
  for (const Help& help : kHelp) printf("   %-11s %s\n", help.name, help.summary);
  printf("\nGLOBAL OPTIONS:\n%s", kGlobalOptions);
}

bool asks_for_help(const std::string& command, const Words& words) {
  const bool ends_with_command = command == "exec" || command == "ps";  // the container's, or options of ps(1)
  for (const std::string& word : words) {
    if (word == "-h" || word == "--help" || word == "-help") return true;
    if (word == "--" || (ends_with_command && (word.empty() || word[0] != '-'))) return false;
  }
  return false;
}

}  // namespace tsc::cli
