// criu's request: see the header.
#include "runtime/criu-request.h"

#include <fcntl.h>
#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <sstream>

#include "linux/error.h"
#include "linux/file.h"

namespace tsc {
namespace {

/// As much as runc asks for: the log is what one has when it fails.
constexpr int kLogLevel = 4;
/// How many of the log's errors are told.
constexpr size_t kErrorLines = 3;
/// An administrator's settings for every criu of this runtime; criu goes without when it is not there.
constexpr const char* kConfigFile = "/etc/criu/tsrunc.conf";

/// How a tool of criu's ended; what criu made of it follows.
constexpr const char* kToolEnded = "): exited, status=";

/// The last lines that say "Error": what ended it and what came of that. Those before it may have been got over.
std::string last_errors(const std::string& log) {
  std::istringstream lines(log);
  std::vector<std::string> found;
  for (std::string line; std::getline(lines, line);) {
    if (line.find("Error") != std::string::npos && line.find(kToolEnded) == std::string::npos) found.push_back(line);
  }
  std::string text;
  for (size_t index = found.size() < kErrorLines ? 0 : found.size() - kErrorLines; index < found.size(); ++index)
    text += (text.empty() ? "" : "; ") + found[index];
  return text;
}

int cgroups_mode(const std::string& word) {
  if (word.empty() || word == "soft") return 3;
  if (word == "ignore") return 0;
  if (word == "full") return 4;
  if (word == "strict") return 5;
  throw_invalid("command line", "--manage-cgroups-mode: none of soft, full, strict, ignore: " + word);
}

}  // namespace

void leave_namespace_empty(CriuOptions& options, const std::string& name) {
  if (name != "network") throw_invalid("command line", "--empty-ns: only network can be left empty, not " + name);
  options.empty_namespaces |= CLONE_NEWNET;
}

CriuRequestOptions::CriuRequestOptions(const CriuOptions& options, const char* log_name) {
  images_ = open_file("open images", options.image_path, O_RDONLY | O_DIRECTORY);
  const std::string& work = options.work_path.empty() ? options.image_path : options.work_path;
  make_directories("make work directory", work, 0700);
  work_ = open_file("open work directory", work, O_RDONLY | O_DIRECTORY);
  log_path_ = work + "/" + log_name;
  unlink(log_path_.c_str());  // of an earlier run
  fields_.number(1, images_.get());
  fields_.flag(4, options.ext_unix_sk);
  fields_.flag(5, options.tcp_established);
  fields_.flag(7, options.shell_job);
  fields_.flag(8, options.file_locks);
  fields_.number(9, kLogLevel);
  fields_.bytes(10, log_name);
  fields_.flag(12, true);  // notifications
  fields_.flag(16, options.auto_dedup);
  fields_.number(17, work_.get());
  fields_.flag(18, options.link_remap);
  fields_.flag(24, true);  // manage_cgroups, for a criu that does not know the mode
  fields_.number(34, cgroups_mode(options.cgroups_mode));
  if (options.empty_namespaces != 0) fields_.number(38, static_cast<std::int64_t>(options.empty_namespaces));
  fields_.flag(46, options.tcp_skip_in_flight);
  fields_.flag(48, options.lazy_pages);
  fields_.flag(50, true);  // orphan_pts_master
  if (path_exists(kConfigFile)) fields_.bytes(51, kConfigFile);
}

void CriuRequestOptions::add_external_mount(const std::string& key, const std::string& value) {
  ProtobufWriter mount;
  mount.bytes(1, key);
  mount.bytes(2, value);
  fields_.message(23, mount);
}

void CriuRequestOptions::add_inherited_fd(const std::string& key, int fd) {
  ProtobufWriter inherited;
  inherited.bytes(1, key);
  inherited.number(2, fd);
  fields_.message(27, inherited);
}

RuntimeError CriuRequestOptions::explain(const RuntimeError& error) const {
  std::string log;
  if (error.step != "run criu" || !try_read_file(log_path_, log)) return error;
  const std::string errors = last_errors(log);
  const std::string line = errors.empty() ? error.detail : errors;
  return RuntimeError(error.operation, error.step, error.syscall, error.error, error.path,
                      line + " (more in " + log_path_ + ")", error.reason);
}

void check_mount_keys(const oci::Config& config) {
  for (const oci::Mount& mount : config.mounts) {
    if (mount.destination.find("]:") != std::string::npos)
      throw_invalid("parse config", "mounts: criu cannot take a destination with \"]:\" in it: " + mount.destination);
  }
}

bool is_bind_mount(const oci::Mount& mount) {
  return mount.type == "bind" || std::any_of(mount.options.begin(), mount.options.end(), [](const std::string& word) {
           return word == "bind" || word == "rbind";
         });
}

}  // namespace tsc
