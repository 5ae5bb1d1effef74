// D-Bus messages as bytes: see the header. Everything is little-endian, ours and (systemd being on this machine)
// theirs.
#include "linux/dbus-message.h"

#include <cstring>

namespace tsc {
namespace {

constexpr std::size_t kMaxMessage = 1 << 20;
constexpr std::uint8_t kNoField = 0, kPath = 1, kInterface = 2, kMember = 3, kErrorName = 4, kReplySerial = 5,
                       kDestination = 6, kSignature = 8;

void align(std::string& out, std::size_t to) { out.resize((out.size() + to - 1) / to * to); }

template <class Number>
void put(std::string& out, Number value) {
  align(out, sizeof value);
  out.append(reinterpret_cast<const char*>(&value), sizeof value);
}

void put_text(std::string& out, std::string_view text) {
  put(out, static_cast<std::uint32_t>(text.size()));
  out.append(text).push_back('\0');
}

void put_signature(std::string& out, std::string_view signature) {
  out.push_back(static_cast<char>(signature.size()));
  out.append(signature).push_back('\0');
}

/// An array's length goes in front of it, without the padding before its first element.
template <class PutElements>
void put_array(std::string& out, std::size_t element_alignment, PutElements put_elements) {
  put(out, std::uint32_t{0});
  const std::size_t length_at = out.size() - 4;
  align(out, element_alignment);
  const std::size_t begin = out.size();
  put_elements();
  const auto length = static_cast<std::uint32_t>(out.size() - begin);
  memcpy(out.data() + length_at, &length, sizeof length);
}

struct ValueWriter {
  std::string& out;

  void variant(std::string_view signature) { put_signature(out, signature); }
  void operator()(bool value) { variant("b"), put(out, std::uint32_t{value}); }
  void operator()(std::int32_t value) { variant("i"), put(out, value); }
  void operator()(std::uint32_t value) { variant("u"), put(out, value); }
  void operator()(std::int64_t value) { variant("x"), put(out, value); }
  void operator()(std::uint64_t value) { variant("t"), put(out, value); }
  void operator()(double value) { variant("d"), put(out, value); }
  void operator()(const std::string& value) { variant("s"), put_text(out, value); }
  void operator()(const std::vector<std::string>& values) {
    variant("as");
    put_array(out, 4, [&] {
      for (const std::string& value : values) put_text(out, value);
    });
  }
  void operator()(const std::vector<std::uint8_t>& values) {
    variant("ay");
    put_array(out, 1, [&] { out.append(values.begin(), values.end()); });
  }
  void operator()(const std::vector<std::uint32_t>& values) {
    variant("au");
    put_array(out, 4, [&] {
      for (const std::uint32_t value : values) put(out, value);
    });
  }
  void operator()(const std::vector<std::pair<std::string, std::string>>& values) {
    variant("a(ss)");
    put_array(out, 8, [&] {
      for (const auto& [first, second] : values) {
        align(out, 8);
        put_text(out, first);
        put_text(out, second);
      }
    });
  }
};

void put_field(std::string& out, std::uint8_t code, std::string_view signature, const std::string& text) {
  if (text.empty()) return;
  align(out, 8);
  out.push_back(static_cast<char>(code));
  put_signature(out, signature);
  if (signature == "g") {
    put_signature(out, text);
  } else {
    put_text(out, text);
  }
}

/// Reads what may be cut short or lying: nothing is read past the end, and failure sticks.
class Cursor {
 public:
  explicit Cursor(std::string_view bytes) : bytes_(bytes) {}

  bool is_good() const { return is_good_; }
  std::size_t at() const { return at_; }
  void align(std::size_t to) { at_ = (at_ + to - 1) / to * to; }

  std::uint8_t byte() {
    if (at_ >= bytes_.size()) return is_good_ = false, 0;
    return static_cast<std::uint8_t>(bytes_[at_++]);
  }
  std::uint32_t number() {
    align(4);
    std::uint32_t value = 0;
    if (at_ + sizeof value > bytes_.size()) return is_good_ = false, 0;
    memcpy(&value, bytes_.data() + at_, sizeof value);
    at_ += sizeof value;
    return value;
  }
  std::string text(std::size_t length) {
    if (at_ > bytes_.size() || length >= bytes_.size() - at_) return is_good_ = false, "";
    std::string value(bytes_.substr(at_, length));
    at_ += length + 1;
    return value;
  }

 private:
  std::string_view bytes_;
  std::size_t at_ = 0;
  bool is_good_ = true;
};

std::string* text_field(DbusMessage& message, std::uint8_t code) {
  switch (code) {
    case kPath: return &message.path;
    case kInterface: return &message.interface;
    case kMember: return &message.member;
    case kErrorName: return &message.error_name;
    case kDestination: return &message.destination;
    case kSignature: return &message.signature;
  }
  return nullptr;
}

bool read_field(Cursor& cursor, DbusMessage& message) {
  cursor.align(8);
  const std::uint8_t code = cursor.byte();
  const std::string signature = cursor.text(cursor.byte());
  if (!cursor.is_good() || code == kNoField) return false;
  if (signature == "u") {
    const std::uint32_t value = cursor.number();
    if (code == kReplySerial) message.reply_serial = value;
  } else if (signature == "s" || signature == "o") {
    const std::string value = cursor.text(cursor.number());
    if (std::string* field = text_field(message, code)) *field = value;
  } else if (signature == "g") {
    const std::string value = cursor.text(cursor.byte());
    if (std::string* field = text_field(message, code)) *field = value;
  } else {
    return false;
  }
  return cursor.is_good();
}

}  // namespace

DbusWriter& DbusWriter::add_text(std::string_view text) {
  signature_ += "s";
  put_text(body_, text);
  return *this;
}

DbusWriter& DbusWriter::add_flag(bool value) {
  signature_ += "b";
  put(body_, std::uint32_t{value});
  return *this;
}

DbusWriter& DbusWriter::add_properties(const std::vector<DbusProperty>& properties) {
  signature_ += "a(sv)";
  put_array(body_, 8, [&] {
    for (const DbusProperty& property : properties) {
      align(body_, 8);
      put_text(body_, property.name);
      std::visit(ValueWriter{body_}, property.value);
    }
  });
  return *this;
}

DbusWriter& DbusWriter::add_numbers(const std::vector<std::uint32_t>& numbers) {
  signature_ += "au";
  put_array(body_, 4, [&] {
    for (const std::uint32_t number : numbers) put(body_, number);
  });
  return *this;
}

DbusWriter& DbusWriter::add_no_units() {
  signature_ += "a(sa(sv))";
  put_array(body_, 8, [] {});
  return *this;
}

std::string DbusMessage::encode() const {
  std::string out = {'l', static_cast<char>(type), 0, 1};
  put(out, static_cast<std::uint32_t>(body.size()));
  put(out, serial);
  put_array(out, 8, [&] {
    put_field(out, kPath, "o", path);
    put_field(out, kInterface, "s", interface);
    put_field(out, kMember, "s", member);
    put_field(out, kDestination, "s", destination);
    put_field(out, kSignature, "g", signature);
  });
  align(out, 8);
  return out + body;
}

std::vector<std::string> DbusMessage::strings() const {
  std::vector<std::string> found;
  Cursor cursor(body);
  for (const char type : signature) {
    if (type == 'u' || type == 'i' || type == 'b') {
      cursor.number();
    } else if (type == 's' || type == 'o') {
      const std::string text = cursor.text(cursor.number());
      if (!cursor.is_good()) break;
      found.push_back(text);
    } else {
      break;
    }
  }
  return found;
}

std::size_t dbus_message_size(std::string_view preamble) {
  if (preamble.size() < kDbusPreambleSize || preamble[0] != 'l') return 0;
  std::uint32_t body, fields;
  memcpy(&body, preamble.data() + 4, sizeof body);
  memcpy(&fields, preamble.data() + 12, sizeof fields);
  if (body > kMaxMessage || fields > kMaxMessage) return 0;
  return (kDbusPreambleSize + fields + 7) / 8 * 8 + body;
}

bool decode_dbus_message(std::string_view bytes, DbusMessage& message) {
  const std::size_t size = dbus_message_size(bytes);
  if (size == 0 || size != bytes.size()) return false;
  message = DbusMessage();
  message.type = static_cast<DbusMessage::Type>(bytes[1]);
  Cursor cursor(bytes.substr(0, size));
  for (int skipped = 0; skipped < 4; ++skipped) cursor.byte();
  const std::uint32_t body = cursor.number();
  message.serial = cursor.number();
  const std::size_t end = kDbusPreambleSize + cursor.number();
  while (cursor.at() < end) {
    if (!read_field(cursor, message)) return false;
  }
  message.body = bytes.substr(size - body);
  return true;
}

}  // namespace tsc
