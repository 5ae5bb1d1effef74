// Reader: typed access to a JSON object that names the field in every complaint.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

namespace tsc::oci {

class Reader {
 public:
  Reader(const nlohmann::json& value, std::string path) : value_(value), path_(std::move(path)) {}

  bool has(const char* key) const;  // present and not null
  std::string text(const char* key, const std::string& fallback = "") const;
  bool boolean(const char* key, bool fallback = false) const;
  std::int64_t integer(const char* key, std::int64_t fallback = 0) const;
  std::uint64_t natural(const char* key, std::uint64_t fallback = 0) const;
  std::uint32_t natural32(const char* key, std::uint32_t fallback = 0) const;
  std::optional<std::int64_t> maybe_integer(const char* key) const;
  std::optional<std::uint64_t> maybe_natural(const char* key) const;
  std::optional<bool> maybe_boolean(const char* key) const;
  std::vector<std::string> texts(const char* key) const;
  std::map<std::string, std::string> text_map(const char* key) const;
  /// Calls `visit` with the object at `key`, or with each object of the array there; not at all when absent.
  void object(const char* key, const std::function<void(const Reader&)>& visit) const;
  void objects(const char* key, const std::function<void(const Reader&)>& visit) const;
  /// A known field that this runtime cannot honour: an error when it says anything.
  void refuse(const char* key) const;

  const nlohmann::json& value() const { return value_; }
  const nlohmann::json& at(const char* key) const { return value_.at(key); }
  std::string name(const char* key) const { return path_.empty() ? key : path_ + "." + key; }
  [[noreturn]] void complain(const char* key, const std::string& what) const;

 private:
  const nlohmann::json* find(const char* key) const;

  const nlohmann::json& value_;
  std::string path_;
};

nlohmann::json parse_object(const std::string& text, const std::string& what);

}  // namespace tsc::oci
