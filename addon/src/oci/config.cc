// The whole of config.json. runtime-spec config.md
#include "oci/config.h"

#include "linux/error.h"
#include "oci/json-reader.h"
#include "oci/parts.h"
#include "oci/raw-member.h"

namespace tsc::oci {
namespace {

void check_version(const std::string& version) {
  if (version.empty()) throw_invalid("parse config", "ociVersion: missing");
  if (version.rfind("1.", 0) != 0) throw_invalid("parse config", "ociVersion: " + version + " is not 1.x");
}

void parse_mounts(const Reader& reader, Config& config) {
  reader.objects("mounts", [&](const Reader& item) {
    Mount mount{item.text("destination"), item.text("type"), item.text("source"), item.texts("options"), {}, {}};
    if (mount.destination.empty()) item.complain("destination", "missing");
    // Relative destinations are deprecated, not forbidden: they count from "/".
    if (mount.destination[0] != '/') mount.destination.insert(0, 1, '/');
    mount.uid_mappings = read_id_mappings(item, "uidMappings");
    mount.gid_mappings = read_id_mappings(item, "gidMappings");
    if (mount.uid_mappings.empty() != mount.gid_mappings.empty()) {
      item.complain("uidMappings", "uidMappings and gidMappings go together");
    }
    config.mounts.push_back(std::move(mount));
  });
}

}  // namespace

Config parse_config(std::string text, bool keeps_process) {
  std::string seccomp = take_raw_member(text, "linux", "seccomp");
  const nlohmann::json value = parse_object(text, "config.json");
  const Reader reader(value, "");
  Config config;
  config.oci_version = reader.text("ociVersion");
  check_version(config.oci_version);
  reader.object("root", [&](const Reader& item) {
    config.root_path = item.text("path");
    config.is_root_readonly = item.boolean("readonly");
  });
  if (config.root_path.empty()) reader.complain("root", "no path");
  config.hostname = reader.text("hostname");
  config.domainname = reader.text("domainname");
  reader.object("process", [&](const Reader& item) {
    config.has_process = true;
    config.process = read_process(item);
    if (keeps_process) config.process_text = item.value().dump();
  });
  parse_mounts(reader, config);
  config.annotations = reader.text_map("annotations");
  reader.object("linux", [&](const Reader& item) { config.linux_ = read_linux(item); });
  if (!seccomp.empty()) config.linux_.seccomp = std::move(seccomp);
  reader.object("hooks", [&](const Reader& item) {
    config.hooks = read_hooks(item);
    config.hooks_text = item.value().dump();
  });
  reader.refuse("vm");
  return config;
}

}  // namespace tsc::oci
