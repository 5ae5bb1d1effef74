// The wire format of protocol buffers, as much of it as criu's RPC needs: varints and length-delimited fields.
// https://protobuf.dev/programming-guides/encoding
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace tsc {

class ProtobufWriter {
 public:
  /// int32, uint32, bool and enum alike; a negative int32 takes ten bytes, as the format has it.
  void number(int field, std::int64_t value) {
    varint(static_cast<std::uint64_t>(field) << 3);
    varint(static_cast<std::uint64_t>(value));
  }
  void flag(int field, bool value) {
    if (value) number(field, 1);
  }
  void bytes(int field, std::string_view value) {
    varint(static_cast<std::uint64_t>(field) << 3 | 2);
    varint(value.size());
    text_.append(value);
  }
  void message(int field, const ProtobufWriter& value) { bytes(field, value.text_); }
  const std::string& text() const { return text_; }

 private:
  void varint(std::uint64_t value) {
    for (; value >= 0x80; value >>= 7) text_.push_back(static_cast<char>(value | 0x80));
    text_.push_back(static_cast<char>(value));
  }

  std::string text_;
};

/// Walks over the fields of one message: while (reader.next()) switch (reader.field()) ...
class ProtobufReader {
 public:
  explicit ProtobufReader(std::string_view text) : rest_(text) {}

  /// False at the end, and at anything that is not well-formed.
  bool next() {
    std::uint64_t key;
    if (rest_.empty() || !varint(key)) return false;
    field_ = static_cast<int>(key >> 3);
    number_ = 0;
    bytes_ = {};
    switch (key & 7) {
      case 0:
        return varint(number_);
      case 1:
        return skip(8);
      case 2: {
        std::uint64_t size;
        if (!varint(size) || size > rest_.size()) return false;
        bytes_ = rest_.substr(0, size);
        return skip(size);
      }
      case 5:
        return skip(4);
      default:
        return false;
    }
  }
  int field() const { return field_; }
  std::uint64_t number() const { return number_; }
  std::string_view bytes() const { return bytes_; }

 private:
  bool skip(std::uint64_t size) {
    if (size > rest_.size()) return false;
    rest_.remove_prefix(size);
    return true;
  }
  bool varint(std::uint64_t& value) {
    value = 0;
    for (int shift = 0; shift < 64 && !rest_.empty(); shift += 7) {
      const auto byte = static_cast<unsigned char>(rest_.front());
      rest_.remove_prefix(1);
      value |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
      if ((byte & 0x80) == 0) return true;
    }
    return false;
  }

  std::string_view rest_;
  std::string_view bytes_;
  std::uint64_t number_ = 0;
  int field_ = 0;
};

}  // namespace tsc
