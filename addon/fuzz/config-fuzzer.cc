// The parsers of what callers write, fed with anything: config.json, process.json, resources, a seccomp profile.
// `pnpm fuzz` builds and runs it. An input's first letter says which parser it is for; the rest is the text.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <string>

#include "linux/error.h"
#include "linux/seccomp.h"
#include "oci/config.h"
#include "oci/raw-member.h"

namespace {

using nlohmann::json;

/// Rules beyond this say nothing new and take libseccomp seconds.
constexpr size_t kMaxProfile = 8192;

/// Taking the profile out as text must give what a parser would have found, and leave all else.
void check_raw_member(const std::string& text) {
  std::string rest = text;
  const std::string taken = tsc::oci::take_raw_member(rest, "linux", "seccomp");
  if (taken.empty()) {
    if (rest != text) abort();
    return;
  }
  const json whole = json::parse(text, nullptr, false);
  json with_hole = json::parse(rest, nullptr, false);
  const json member = json::parse(taken, nullptr, false);
  // What is no JSON as a whole must not become some by what was taken out, unless that part itself is at fault.
  if (whole.is_discarded()) {
    if (!with_hole.is_discarded() && !member.is_discarded()) abort();
    return;
  }
  if (member.is_discarded() || with_hole.is_discarded()) abort();
  with_hole["linux"]["seccomp"] = member;
  if (with_hole != whole) abort();
}

void parse(char kind, const std::string& text) {
  switch (kind) {
    case 'p': tsc::oci::parse_process(text); return;
    case 'r': tsc::oci::parse_resources(text); return;
    case 'h': tsc::oci::parse_hooks(text); return;
    case 's':
      if (text.size() <= kMaxProfile) tsc::compile_seccomp(text);
      return;
    default: break;
  }
  check_raw_member(text);
  tsc::oci::parse_config(text, true);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const std::string text(reinterpret_cast<const char*>(data) + 1, size - 1);
  try {
    parse(static_cast<char>(data[0]), text);
  } catch (const tsc::RuntimeError&) {
    // The one way in which the library says no.
  }
  return 0;
}
