// Checks at the addon's edge; everything behind it trusts its types.
#include "bindings/arguments.h"

#include <cmath>

namespace tsc {
namespace {

constexpr double kMaxSafeInteger = 9007199254740991.0;

[[noreturn]] void wrong(Napi::Env env, const char* name, const char* wanted) {
  throw Napi::TypeError::New(env, std::string(name) + " must be " + wanted);
}

std::string to_text(const Napi::Value& value, const char* name) {
  if (!value.IsString()) wrong(value.Env(), name, "a string");
  std::string text = value.As<Napi::String>().Utf8Value();
  if (text.find('\0') != std::string::npos) wrong(value.Env(), name, "a string without NUL");
  return text;
}

std::string to_path(const Napi::Value& value, const char* name) {
  std::string path = to_text(value, name);
  if (path.empty()) wrong(value.Env(), name, "a path");
  return path;
}

double to_integer(const Napi::Value& value, const char* name, double least, double most) {
  const double number = value.IsNumber() ? value.As<Napi::Number>().DoubleValue() : NAN;
  if (std::trunc(number) != number || number < least || number > most) {
    wrong(value.Env(), name, ("an integer from " + std::to_string(static_cast<std::int64_t>(least)) + " to " +
                              std::to_string(static_cast<std::int64_t>(most))).c_str());
  }
  return number;
}

std::vector<std::string> to_texts(const Napi::Value& value, const char* name) {
  if (!value.IsArray()) wrong(value.Env(), name, "an array of strings");
  const Napi::Array array = value.As<Napi::Array>();
  std::vector<std::string> strings;
  for (uint32_t i = 0; i < array.Length(); ++i) strings.push_back(to_text(array.Get(i), name));
  return strings;
}

Napi::Object to_object(const Napi::Value& value, const char* name) {
  if (!value.IsObject()) wrong(value.Env(), name, "an object");
  return value.As<Napi::Object>();
}

}  // namespace

Napi::Object object_argument(const Napi::CallbackInfo& info, size_t index, const char* name) {
  return to_object(info[index], name);
}

std::string string_argument(const Napi::CallbackInfo& info, size_t index, const char* name) {
  return to_text(info[index], name);
}

std::string path_argument(const Napi::CallbackInfo& info, size_t index, const char* name) {
  return to_path(info[index], name);
}

std::int64_t integer_argument(const Napi::CallbackInfo& info, size_t index, const char* name, std::int64_t least,
                              std::int64_t most) {
  return static_cast<std::int64_t>(
      to_integer(info[index], name, static_cast<double>(least), static_cast<double>(most)));
}

bool boolean_argument(const Napi::CallbackInfo& info, size_t index, const char* name) {
  if (!info[index].IsBoolean()) wrong(info.Env(), name, "true or false");
  return info[index].As<Napi::Boolean>().Value();
}

Napi::Function function_argument(const Napi::CallbackInfo& info, size_t index, const char* name) {
  if (!info[index].IsFunction()) wrong(info.Env(), name, "a function");
  return info[index].As<Napi::Function>();
}

Napi::Array array_argument(const Napi::CallbackInfo& info, size_t index, const char* name) {
  if (!info[index].IsArray()) wrong(info.Env(), name, "an array");
  return info[index].As<Napi::Array>();
}

std::vector<std::string> strings_argument(const Napi::CallbackInfo& info, size_t index, const char* name) {
  return to_texts(info[index], name);
}

std::string string_field(const Napi::Object& object, const char* name) { return to_text(object.Get(name), name); }

std::string path_field(const Napi::Object& object, const char* name) { return to_path(object.Get(name), name); }

Napi::Object object_field(const Napi::Object& object, const char* name) { return to_object(object.Get(name), name); }

std::vector<Napi::Object> objects_field(const Napi::Object& object, const char* name) {
  const Napi::Value value = object.Get(name);
  if (!value.IsArray()) wrong(object.Env(), name, "an array");
  const Napi::Array array = value.As<Napi::Array>();
  std::vector<Napi::Object> objects;
  for (uint32_t i = 0; i < array.Length(); ++i) objects.push_back(to_object(array.Get(i), name));
  return objects;
}

std::vector<std::string> strings_field(const Napi::Object& object, const char* name) {
  const Napi::Value value = object.Get(name);
  if (value.IsUndefined()) return {};
  return to_texts(value, name);
}

bool boolean_field(const Napi::Object& object, const char* name) {
  const Napi::Value value = object.Get(name);
  if (value.IsUndefined()) return false;
  if (!value.IsBoolean()) wrong(object.Env(), name, "true or false");
  return value.As<Napi::Boolean>().Value();
}

std::uint64_t count_field(const Napi::Object& object, const char* name) {
  return static_cast<std::uint64_t>(to_integer(object.Get(name), name, 0, kMaxSafeInteger));
}

}  // namespace tsc
