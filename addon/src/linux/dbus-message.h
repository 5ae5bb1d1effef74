// D-Bus messages as bytes: what a method call to systemd needs, and no more. Used by dbus-connection.cc alone, but for
// the values. https://dbus.freedesktop.org/doc/dbus-specification.html
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace tsc {

/// A value inside a variant, with its type: b i u x t d s as ay au a(ss).
using DbusValue = std::variant<bool, std::int32_t, std::uint32_t, std::int64_t, std::uint64_t, double, std::string,
                               std::vector<std::string>, std::vector<std::uint8_t>, std::vector<std::uint32_t>,
                               std::vector<std::pair<std::string, std::string>>>;

struct DbusProperty {
  std::string name;
  DbusValue value;
};

/// Arguments of a call, one after the other; the signature grows with them.
class DbusWriter {
 public:
  DbusWriter& add_text(std::string_view text);
  DbusWriter& add_flag(bool value);
  /// a(sv)
  DbusWriter& add_properties(const std::vector<DbusProperty>& properties);
  /// au
  DbusWriter& add_numbers(const std::vector<std::uint32_t>& numbers);
  /// a(sa(sv)) without elements: what StartTransientUnit wants last.
  DbusWriter& add_no_units();

  const std::string& body() const { return body_; }
  const std::string& signature() const { return signature_; }

 private:
  std::string body_;
  std::string signature_;
};

struct DbusMessage {
  enum class Type : std::uint8_t { method_call = 1, method_return = 2, error = 3, signal = 4 };
  Type type = Type::method_call;
  std::uint32_t serial = 0;
  std::uint32_t reply_serial = 0;
  std::string path, interface, member, error_name, destination, signature;
  std::string body;

  std::string encode() const;
  /// The strings and object paths at the front of the body; numbers between them are skipped.
  std::vector<std::string> strings() const;
};

inline constexpr std::size_t kDbusPreambleSize = 16;
/// The whole length that a message with this preamble has; 0 when it is not one that we can read.
std::size_t dbus_message_size(std::string_view preamble);
/// False when the bytes are no message.
bool decode_dbus_message(std::string_view bytes, DbusMessage& message);

}  // namespace tsc
