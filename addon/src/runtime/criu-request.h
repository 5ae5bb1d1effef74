// The parts of criu's request that checkpoint and restore share. Field numbers: criu images/rpc.proto, criu_opts.
#pragma once

#include <string>

#include "linux/protobuf.h"
#include "linux/unique-fd.h"
#include "oci/config.h"
#include "runtime/checkpoint.h"

namespace tsc {

/// Names under which namespaces of the outside stand in the images, by CLONE_NEW*; runc's, so that images may be swapped.
constexpr const char* kExternalNetwork = "extRootNetNS";
constexpr const char* kExternalPids = "extRootPidNS";
/// In the image directory: what 0, 1 and 2 were, a JSON list; runc's file.
constexpr const char* kDescriptorsFile = "descriptors.json";

/// Its fds must stay open until criu has answered: it opens directories by /proc/<our pid>/fd.
class CriuRequestOptions {
 public:
  /// Opens the directories; makes the work directory when it is missing.
  CriuRequestOptions(const CriuOptions& options, const char* log_name);

  ProtobufWriter& fields() { return fields_; }
  /// A mount that is not in the images: `key` is its place in the container, `value` its name (dump) or source (restore).
  void add_external_mount(const std::string& key, const std::string& value);
  void add_inherited_fd(const std::string& key, int fd);
  /// The same failure with the line of criu's log that tells why.
  RuntimeError explain(const RuntimeError& error) const;

 private:
  ProtobufWriter fields_;
  UniqueFd images_, work_;
  std::string log_path_;
};

/// A mount's key and source are parted by "]:" on their way through criu: a destination that has it could name another
/// mount's source. Throws for such a one (CVE-2026-119101).
void check_mount_keys(const oci::Config& config);

bool is_bind_mount(const oci::Mount& mount);

}  // namespace tsc
