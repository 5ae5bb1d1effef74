// checkpoint and restore on the command line, with runc's options.
#include <limits.h>
#include <unistd.h>

#include <optional>

#include "cli/commands.h"
#include "cli/fd-socket.h"
#include "cli/foreground.h"
#include "cli/options.h"
#include "linux/error.h"
#include "runtime/checkpoint.h"

namespace tsc::cli {
namespace {

std::vector<Option> with_common(std::vector<Option> options) {
  for (const Option& option : std::vector<Option>{{"image-path", 0, true},
                                                  {"work-path", 0, true},
                                                  {"tcp-established", 0, false},
                                                  {"tcp-skip-in-flight", 0, false},
                                                  {"link-remap", 0, false},
                                                  {"ext-unix-sk", 0, false},
                                                  {"shell-job", 0, false},
                                                  {"lazy-pages", 0, false},
                                                  {"file-locks", 0, false},
                                                  {"manage-cgroups-mode", 0, true},
                                                  {"empty-ns", 0, true},
                                                  {"auto-dedup", 0, false}})
    options.push_back(option);
  return options;
}

std::string absolute(const std::string& path) {
  if (path.empty() || path[0] == '/') return path;
  char current[PATH_MAX];
  if (getcwd(current, sizeof current) == nullptr) throw_errno("find directory", "getcwd");
  return std::string(current) + "/" + path;
}

void read_common(const Globals& globals, const Options& options, CriuOptions& criu) {
  criu.program = globals.criu;
  criu.image_path = absolute(options.value("image-path", "checkpoint"));
  criu.work_path = absolute(options.value("work-path"));
  criu.cgroups_mode = options.value("manage-cgroups-mode");
  for (const std::string& name : options.all("empty-ns")) leave_namespace_empty(criu, name);
  criu.tcp_established = options.has("tcp-established");
  criu.tcp_skip_in_flight = options.has("tcp-skip-in-flight");
  criu.link_remap = options.has("link-remap");
  criu.ext_unix_sk = options.has("ext-unix-sk");
  criu.shell_job = options.has("shell-job");
  criu.file_locks = options.has("file-locks");
  criu.lazy_pages = options.has("lazy-pages");
  criu.auto_dedup = options.has("auto-dedup");
}

}  // namespace

int run_checkpoint(const Globals& globals, const Words& words) {
  const Options options(words,
                        with_common({{"parent-path", 0, true},
                                     {"leave-running", 0, false},
                                     {"status-fd", 0, true},
                                     {"page-server", 0, true},
                                     {"pre-dump", 0, false}}),
                        false);
  options.expect_arguments("checkpoint", 1, 1);
  CheckpointOptions checkpoint;
  read_common(globals, options, checkpoint);
  checkpoint.parent_path = options.value("parent-path");
  checkpoint.page_server = options.value("page-server");
  checkpoint.status_fd = static_cast<int>(flag_integer("--status-fd", options.value("status-fd", "-1")));
  checkpoint.leave_running = options.has("leave-running");
  checkpoint.pre_dump = options.has("pre-dump");
  log_warnings(globals,
               checkpoint_container(globals.config, options.arguments()[0], checkpoint));
  return 0;
}

int run_restore(const Globals& globals, const Words& words) {
  const Options options(words,
                        with_common({{"bundle", 'b', true},
                                     {"console-socket", 0, true},
                                     {"pid-file", 0, true},
                                     {"detach", 'd', false},
                                     {"no-subreaper", 0, false},
                                     {"no-pivot", 0, false},
                                     {"lsm-profile", 0, true},
                                     {"lsm-mount-context", 0, true}}),
                        false);
  options.expect_arguments("restore", 1, 1);
  CreateRequest request;
  request.id = options.arguments()[0];
  request.bundle = options.value("bundle", ".");
  request.no_pivot_root = options.has("no-pivot");
  request.systemd_cgroup = globals.is_systemd_cgroup;
  request.keeps_process = true;
  RestoreOptions restore;
  read_common(globals, options, restore);
  restore.lsm_profile = options.value("lsm-profile");
  restore.lsm_mount_context = options.value("lsm-mount-context");
  const bool is_detached = options.has("detach");
  UniqueFd terminal;
  restore.on_terminal = [&](UniqueFd fd) {
    if (options.has("console-socket"))
      send_fd("send console", options.value("console-socket"), fd.get(), "/dev/ptmx");
    else if (is_detached)
      throw_invalid("command line", "a terminal needs --console-socket with --detach");
    else
      terminal = std::move(fd);
  };
  std::optional<Foreground> foreground;
  if (!is_detached) {
    if (!options.has("no-subreaper")) become_subreaper();
    foreground.emplace();
  }
  Warnings warnings;
  const pid_t pid = restore_container(globals.config, request, restore, warnings);
  log_launch_warnings(globals, warnings, false);
  if (options.has("pid-file")) write_pid_file(options.value("pid-file"), pid);
  if (is_detached) return 0;
  const int status = foreground->wait(pid, terminal.get());
  log_warnings(globals, delete_container(globals.config, request.id, true));
  return status;
}

}  // namespace tsc::cli
