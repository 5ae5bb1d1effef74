// JavaScript arguments read and checked: what a binding may assume afterwards. Each throws a TypeError that names it.
#pragma once

#include <napi.h>

#include <cstdint>
#include <string>
#include <vector>

namespace tsc {

Napi::Object object_argument(const Napi::CallbackInfo& info, size_t index, const char* name);
std::string string_argument(const Napi::CallbackInfo& info, size_t index, const char* name);
/// A path: a string that is not empty and holds no NUL.
std::string path_argument(const Napi::CallbackInfo& info, size_t index, const char* name);
std::int64_t integer_argument(const Napi::CallbackInfo& info, size_t index, const char* name, std::int64_t least,
                              std::int64_t most);
bool boolean_argument(const Napi::CallbackInfo& info, size_t index, const char* name);
Napi::Function function_argument(const Napi::CallbackInfo& info, size_t index, const char* name);
Napi::Array array_argument(const Napi::CallbackInfo& info, size_t index, const char* name);
std::vector<std::string> strings_argument(const Napi::CallbackInfo& info, size_t index, const char* name);

std::string string_field(const Napi::Object& object, const char* name);
std::string path_field(const Napi::Object& object, const char* name);
Napi::Object object_field(const Napi::Object& object, const char* name);
/// An array of objects.
std::vector<Napi::Object> objects_field(const Napi::Object& object, const char* name);
/// An array of strings; empty when the field is absent.
std::vector<std::string> strings_field(const Napi::Object& object, const char* name);
/// False when the field is absent.
bool boolean_field(const Napi::Object& object, const char* name);
/// From 0 to 2^53-1.
std::uint64_t count_field(const Napi::Object& object, const char* name);

}  // namespace tsc
