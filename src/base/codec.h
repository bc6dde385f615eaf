// ByteWriter, ByteReader: the primitive encodings that wire messages, records and frame logs share.
//   fixed   u8 u16 u32 u64   little-endian
//   varint  unsigned LEB128, 1 to 10 bytes, shortest form only (a longer form is refused)
//   zigzag  signed, as varint of (n << 1) ^ (n >> 63)
//   bytes   varint length, then the bytes
// A reader never throws and never reads past its end: after the first bad read it stays failed and returns
// zeros; check ok() once, at the end. done() is ok() with nothing left over.
#pragma once
#include <cstring>
#include <string>
#include <string_view>

#include "base/bytes.h"

namespace everframe {

class ByteWriter {
 public:
  explicit ByteWriter(Bytes& out) : out_(out) {}  // appends; `out` outlives the writer

  void u8(std::uint8_t v) { out_.push_back(v); }
  void u16(std::uint16_t v) { fixed(v); }
  void u32(std::uint32_t v) { fixed(v); }
  void u64(std::uint64_t v) { fixed(v); }
  void varint(std::uint64_t v) {
    for (; v >= 0x80; v >>= 7) out_.push_back(static_cast<std::uint8_t>(v | 0x80));
    out_.push_back(static_cast<std::uint8_t>(v));
  }
  void zigzag(std::int64_t v) {
    varint((static_cast<std::uint64_t>(v) << 1) ^ static_cast<std::uint64_t>(v >> 63));
  }
  void raw_bytes(ByteView v) { out_.insert(out_.end(), v.begin(), v.end()); }
  void bytes(ByteView v) {
    varint(v.size());
    raw_bytes(v);
  }
  void text(std::string_view v) { bytes(bytes_of(v)); }
  std::size_t size() const { return out_.size(); }

 private:
  template <class T>
  void fixed(T v) {
    for (std::size_t i = 0; i < sizeof v; ++i) out_.push_back(static_cast<std::uint8_t>(v >> (8 * i)));
  }
  Bytes& out_;
};

class ByteReader {
 public:
  explicit ByteReader(ByteView in) : in_(in) {}

  std::uint8_t u8() { return fixed<std::uint8_t>(); }
  std::uint16_t u16() { return fixed<std::uint16_t>(); }
  std::uint32_t u32() { return fixed<std::uint32_t>(); }
  std::uint64_t u64() { return fixed<std::uint64_t>(); }
  std::uint64_t varint() {
    std::uint64_t value = 0;
    for (int shift = 0; shift < 64; shift += 7) {
      const std::uint8_t byte = u8();
      if (failed_) return 0;
      if (shift == 63 && byte > 1) break;
      value |= std::uint64_t{byte & 0x7fU} << shift;
      if ((byte & 0x80) == 0) {
        if (byte == 0 && shift > 0) break;  // not the shortest form
        return value;
      }
    }
    failed_ = true;
    return 0;
  }
  // A varint that must not exceed `limit`.
  std::uint64_t varint_up_to(std::uint64_t limit) {
    const std::uint64_t value = varint();
    if (value > limit) failed_ = true;
    return failed_ ? 0 : value;
  }
  std::int64_t zigzag() {
    const std::uint64_t v = varint();
    return static_cast<std::int64_t>(v >> 1) ^ -static_cast<std::int64_t>(v & 1);
  }
  std::int32_t zigzag32() {
    const std::int64_t v = zigzag();
    if (v < INT32_MIN || v > INT32_MAX) failed_ = true;
    return failed_ ? 0 : static_cast<std::int32_t>(v);
  }
  ByteView raw_bytes(std::size_t count) {
    if (failed_ || count > in_.size()) {
      failed_ = true;
      return {};
    }
    const ByteView out = in_.first(count);
    in_ = in_.subspan(count);
    return out;
  }
  ByteView bytes(std::size_t limit) { return raw_bytes(varint_up_to(limit)); }
  std::string_view text(std::size_t limit) { return chars_of(bytes(limit)); }

  void fail() { failed_ = true; }
  bool ok() const { return !failed_; }
  bool done() const { return !failed_ && in_.empty(); }
  std::size_t remaining() const { return in_.size(); }

 private:
  template <class T>
  T fixed() {
    const ByteView b = raw_bytes(sizeof(T));
    std::uint64_t v = 0;
    for (std::size_t i = 0; i < b.size(); ++i) v |= std::uint64_t{b[i]} << (8 * i);
    return static_cast<T>(v);
  }
  ByteView in_;
  bool failed_ = false;
};

}  // namespace everframe
