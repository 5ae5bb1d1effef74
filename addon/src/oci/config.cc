// The whole of config.json. runtime-spec config.md
#include "oci/config.h"

#include "linux/error.h"
#include "oci/json-reader.h"
#include "oci/parts.h"

namespace tsc::oci {
namespace {

void check_version(const std::string& version) {
  if (version.empty()) throw_invalid("parse config", "ociVersion: missing");
  if (version.rfind("1.", 0) != 0) throw_invalid("parse config", "ociVersion: " + version + " is not 1.x");
}

void parse_mounts(const Reader& reader, Config& config) {
  reader.objects("mounts", [&](const Reader& item) {
    Mount mount{item.text("destination"), item.text("type"), item.text("source"), item.texts("options")};
    if (mount.destination.empty()) item.complain("destination", "missing");
    // Relative destinations are deprecated, not forbidden: they count from "/".
    if (mount.destination[0] != '/') mount.destination.insert(0, 1, '/');
    item.refuse("uidMappings");
    item.refuse("gidMappings");
    config.mounts.push_back(std::move(mount));
  });
}

}  // namespace

Config parse_config(const std::string& text) {
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
  });
  parse_mounts(reader, config);
  config.annotations = reader.text_map("annotations");
  reader.object("linux", [&](const Reader& item) { config.linux_ = read_linux(item); });
  reader.object("hooks", [](const Reader& hooks) {
    for (const char* kind :
         {"prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop"}) {
      hooks.refuse(kind);
    }
  });
  reader.refuse("vm");
  return config;
}

}  // namespace tsc::oci
