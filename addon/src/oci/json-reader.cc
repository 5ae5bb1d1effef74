// Typed access to JSON: see the header.
#include "oci/json-reader.h"

#include "linux/error.h"

namespace tsc::oci {

using nlohmann::json;

namespace {

/// Deeper than anything that config.json has; what prints or copies JSON goes one call deeper with each level.
constexpr size_t kMaxDepth = 64;

bool is_too_deep(const std::string& text) {
  size_t depth = 0;
  bool is_inside_string = false;
  for (size_t at = 0; at < text.size(); ++at) {
    const char letter = text[at];
    if (letter == '"') {
      is_inside_string = !is_inside_string;
    } else if (is_inside_string) {
      if (letter == '\\') ++at;
    } else if (letter == '{' || letter == '[') {
      if (++depth > kMaxDepth) return true;
    } else if ((letter == '}' || letter == ']') && depth > 0) {
      --depth;
    }
  }
  return false;
}

}  // namespace

json parse_object(const std::string& text, const std::string& what) {
  if (is_too_deep(text)) throw_invalid("parse " + what, "nested too deeply");
  json value = json::parse(text, nullptr, false);
  if (value.is_discarded()) throw_invalid("parse " + what, "not valid JSON");
  if (!value.is_object()) throw_invalid("parse " + what, "not a JSON object");
  return value;
}

const json* Reader::find(const char* key) const {
  if (!value_.is_object()) throw_invalid("parse config", path_ + ": not an object");
  const auto found = value_.find(key);
  return found == value_.end() || found->is_null() ? nullptr : &*found;
}

void Reader::complain(const char* key, const std::string& what) const {
  throw_invalid("parse config", name(key) + ": " + what);
}

bool Reader::has(const char* key) const { return find(key) != nullptr; }

std::string Reader::text(const char* key, const std::string& fallback) const {
  const json* found = find(key);
  if (found == nullptr) return fallback;
  if (!found->is_string()) complain(key, "not a string");
  std::string value = found->get<std::string>();
  if (value.find('\0') != std::string::npos) complain(key, "holds a NUL character");
  return value;
}

std::optional<bool> Reader::maybe_boolean(const char* key) const {
  const json* found = find(key);
  if (found == nullptr) return std::nullopt;
  if (!found->is_boolean()) complain(key, "not a boolean");
  return found->get<bool>();
}

bool Reader::boolean(const char* key, bool fallback) const { return maybe_boolean(key).value_or(fallback); }

std::optional<std::int64_t> Reader::maybe_integer(const char* key) const {
  const json* found = find(key);
  if (found == nullptr) return std::nullopt;
  if (!found->is_number_integer()) complain(key, "not an integer");
  if (found->is_number_unsigned() && found->get<std::uint64_t>() > INT64_MAX) complain(key, "too large");
  return found->get<std::int64_t>();
}

std::optional<std::uint64_t> Reader::maybe_natural(const char* key) const {
  const json* found = find(key);
  if (found == nullptr) return std::nullopt;
  if (!found->is_number_unsigned()) complain(key, "not a non-negative integer");
  return found->get<std::uint64_t>();
}

std::int64_t Reader::integer(const char* key, std::int64_t fallback) const {
  return maybe_integer(key).value_or(fallback);
}

std::uint64_t Reader::natural(const char* key, std::uint64_t fallback) const {
  return maybe_natural(key).value_or(fallback);
}

std::uint32_t Reader::natural32(const char* key, std::uint32_t fallback) const {
  const std::uint64_t value = natural(key, fallback);
  if (value > UINT32_MAX) complain(key, "larger than 32 bits");
  return static_cast<std::uint32_t>(value);
}

std::vector<std::string> Reader::texts(const char* key) const {
  std::vector<std::string> result;
  const json* found = find(key);
  if (found == nullptr) return result;
  if (!found->is_array()) complain(key, "not an array");
  result.reserve(found->size());
  for (const json& item : *found) {
    if (!item.is_string()) complain(key, "holds something that is not a string");
    result.push_back(item.get<std::string>());
    if (result.back().find('\0') != std::string::npos) complain(key, "holds a NUL character");
  }
  return result;
}

std::map<std::string, std::string> Reader::text_map(const char* key) const {
  std::map<std::string, std::string> result;
  const json* found = find(key);
  if (found == nullptr) return result;
  if (!found->is_object()) complain(key, "not an object");
  for (const auto& [name, item] : found->items()) {
    if (!item.is_string()) complain(key, name + " is not a string");
    result.emplace(name, item.get<std::string>());
  }
  return result;
}

void Reader::object(const char* key, const std::function<void(const Reader&)>& visit) const {
  const json* found = find(key);
  if (found == nullptr) return;
  if (!found->is_object()) complain(key, "not an object");
  visit(Reader(*found, name(key)));
}

void Reader::objects(const char* key, const std::function<void(const Reader&)>& visit) const {
  const json* found = find(key);
  if (found == nullptr) return;
  if (!found->is_array()) complain(key, "not an array");
  size_t index = 0;
  for (const json& item : *found) {
    const std::string item_name = name(key) + "[" + std::to_string(index++) + "]";
    if (!item.is_object()) throw_invalid("parse config", item_name + ": not an object");
    visit(Reader(item, item_name));
  }
}

void Reader::refuse(const char* key) const {
  const json* found = find(key);
  if (found == nullptr || (found->is_structured() && found->empty())) return;
  if (found->is_string() && found->get_ref<const std::string&>().empty()) return;
  complain(key, "not supported by this runtime");
}

}  // namespace tsc::oci
