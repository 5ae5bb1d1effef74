// One member of a JSON text: see the header.
#include "oci/raw-member.h"

#include <cstddef>
#include <cstring>
#include <optional>

namespace tsc::oci {
namespace {

struct Span {
  size_t begin = 0;
  size_t end = 0;
};

constexpr bool is_structure(char letter) {
  return letter == '"' || letter == '{' || letter == '}' || letter == '[' || letter == ']';
}

/// Walks over JSON text by its brackets and strings; it does not judge what stands between them.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : text_(text) {}

  /// The value of the only member `key` of the object that begins at `position`.
  std::optional<Span> find_member(size_t position, std::string_view key);

 private:
  bool skip_space();
  bool skip_string(Span& content, bool& has_escape);
  bool skip_value();
  bool take(char letter);

  std::string_view text_;
  size_t position_ = 0;
};

bool Scanner::skip_space() {
  while (position_ < text_.size() && strchr(" \t\r\n", text_[position_]) != nullptr && text_[position_] != '\0') {
    ++position_;
  }
  return position_ < text_.size();
}

bool Scanner::take(char letter) {
  if (!skip_space() || text_[position_] != letter) return false;
  ++position_;
  return true;
}

bool Scanner::skip_string(Span& content, bool& has_escape) {
  has_escape = false;
  if (!take('"')) return false;
  content.begin = position_;
  // memchr, and a look back: strings are most of the text, and hardly one has an escape.
  for (size_t from = position_;; from = position_ + 1) {
    position_ = text_.find('"', from);
    if (position_ == std::string_view::npos) return false;
    size_t slashes = 0;
    while (text_[position_ - 1 - slashes] == '\\') ++slashes;  // ends at the opening quote at the latest
    if (slashes != 0) has_escape = true;
    if (slashes % 2 == 0) break;
  }
  content.end = position_++;
  const std::string_view inside = text_.substr(content.begin, content.end - content.begin);
  if (inside.find('\\') != std::string_view::npos) has_escape = true;
  return true;
}

bool Scanner::skip_value() {
  if (!skip_space()) return false;
  const char first = text_[position_];
  Span content;
  bool has_escape;
  if (first == '"') return skip_string(content, has_escape);
  if (first != '{' && first != '[') {
    position_ = text_.find_first_of(",]} \t\r\n", position_);
    return position_ != std::string_view::npos;
  }
  for (size_t depth = 0;;) {
    while (position_ < text_.size() && !is_structure(text_[position_])) ++position_;
    if (position_ == text_.size()) return false;
    const char found = text_[position_];
    if (found == '"') {
      if (!skip_string(content, has_escape)) return false;
      continue;
    }
    ++position_;
    depth += found == '{' || found == '[' ? 1 : -1;
    if (depth == 0) return true;
  }
}

std::optional<Span> Scanner::find_member(size_t position, std::string_view key) {
  position_ = position;
  std::optional<Span> found;
  if (!take('{')) return std::nullopt;
  if (take('}')) return std::nullopt;
  do {
    Span name;
    bool has_escape;
    if (!skip_string(name, has_escape) || has_escape || !take(':') || !skip_space()) return std::nullopt;
    Span value;
    value.begin = position_;
    if (!skip_value()) return std::nullopt;
    value.end = position_;
    if (text_.substr(name.begin, name.end - name.begin) != key) continue;
    if (found) return std::nullopt;
    found = value;
  } while (take(','));
  return take('}') ? found : std::nullopt;
}

}  // namespace

std::string take_raw_member(std::string& text, std::string_view outer, std::string_view inner) {
  Scanner scanner(text);
  const std::optional<Span> object = scanner.find_member(0, outer);
  if (!object || text[object->begin] != '{') return "";
  const std::optional<Span> member = scanner.find_member(object->begin, inner);
  if (!member || text[member->begin] != '{') return "";
  const size_t size = member->end - member->begin;
  std::string taken = text.substr(member->begin, size);
  text.replace(member->begin, size, "null");
  return taken;
}

}  // namespace tsc::oci
