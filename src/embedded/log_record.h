// A commit record's content (spec/store_format.md, "Record"): a version and its changes, in order.
#pragma once
#include "base/codec.h"
#include "base/result.h"
#include "embedded/types.h"

namespace everframe::embedded {

// record := version u64, change*
// change := 01 key bytes, value bytes | 02 key bytes | 03 begin bytes, end bytes
enum class ChangeKind : std::uint8_t { SET = 1, CLEAR_KEY = 2, CLEAR_RANGE = 3 };  // persistent

struct Change {
  ChangeKind kind;
  std::string_view key;    // or begin
  std::string_view value;  // or end
};

inline void write_change(Bytes& out, const Change& change) {
  ByteWriter writer(out);
  writer.u8(static_cast<std::uint8_t>(change.kind));
  writer.text(change.key);
  if (change.kind != ChangeKind::CLEAR_KEY) writer.text(change.value);
}

class RecordReader {
 public:
  explicit RecordReader(ByteView record) : reader_(record) { version_ = static_cast<Version>(reader_.u64()); }
  Version version() const { return version_; }
  // The next change; false at the end, or at damage: then ok() is false.
  bool next(Change& out) {
    if (!reader_.ok() || reader_.remaining() == 0) return false;
    const std::uint8_t kind = reader_.u8();
    if (kind < 1 || kind > 3) reader_.fail();
    out.kind = static_cast<ChangeKind>(kind);
    out.key = reader_.text(SYSTEM_KEY_BYTES_MAX + 1);
    out.value =
        kind == 2 ? std::string_view() : reader_.text(std::max(VALUE_BYTES_MAX, SYSTEM_KEY_BYTES_MAX + 1));
    if (kind == 3 && out.key > out.value) reader_.fail();  // no writer makes such a range
    return reader_.ok();
  }
  bool ok() const { return reader_.ok() && version_ >= 0; }

 private:
  ByteReader reader_;
  Version version_;
};

}  // namespace everframe::embedded
