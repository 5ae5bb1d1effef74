// The hooks object of config.json. runtime-spec config.md, "POSIX-platform Hooks"
#include "oci/config.h"
#include "oci/json-reader.h"
#include "oci/parts.h"

namespace tsc::oci {
namespace {

Hook parse_hook(const Reader& reader) {
  Hook hook;
  hook.path = reader.text("path");
  if (hook.path.empty() || hook.path[0] != '/') reader.complain("path", "not an absolute path");
  hook.args = reader.texts("args");
  if (hook.args.empty()) hook.args.push_back(hook.path);
  if (reader.has("env")) hook.env = reader.texts("env");
  if (reader.has("timeout")) {
    hook.timeout_s = reader.natural32("timeout");
    if (hook.timeout_s == 0) reader.complain("timeout", "not greater than zero");
  }
  return hook;
}

std::vector<Hook> parse_list(const Reader& reader, const char* key) {
  std::vector<Hook> result;
  reader.objects(key, [&](const Reader& item) { result.push_back(parse_hook(item)); });
  return result;
}

}  // namespace

Hooks read_hooks(const Reader& reader) {
  return {parse_list(reader, "prestart"),        parse_list(reader, "createRuntime"),
          parse_list(reader, "createContainer"), parse_list(reader, "startContainer"),
          parse_list(reader, "poststart"),       parse_list(reader, "poststop")};
}

Hooks parse_hooks(const std::string& text) {
  const nlohmann::json value = parse_object(text, "hooks");
  return read_hooks(Reader(value, "hooks"));
}

}  // namespace tsc::oci
