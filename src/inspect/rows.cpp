#include "inspect/rows.h"

#include <fmt/ranges.h>

#include <limits>
#include <span>

#include "store/world_keys.h"

namespace everframe::inspect {

namespace {

// What stands in a key behind the world's name and the row's kind, element by element.
class KeyTail {
 public:
  explicit KeyTail(const store::Tuple& key) : rest_(key) {
    if (!rest_.empty()) rest_ = rest_.subspan(1);
  }
  // True: the next element is this text; it is taken.
  bool takes(std::string_view text) {
    const auto* found = rest_.empty() ? nullptr : std::get_if<std::string>(&rest_.front());
    if (found == nullptr || *found != text) return false;
    rest_ = rest_.subspan(1);
    return true;
  }
  template <class Id>
  Id number() {
    const auto* found = rest_.empty() ? nullptr : std::get_if<store::Integer>(&rest_.front());
    using Raw = std::underlying_type_t<Id>;
    if (found == nullptr || found->negative || found->magnitude > std::numeric_limits<Raw>::max()) {
      failed_ = true;
      return {};
    }
    rest_ = rest_.subspan(1);
    return static_cast<Id>(found->magnitude);
  }
  template <class Text>
  std::string text() {
    const auto* found = rest_.empty() ? nullptr : std::get_if<Text>(&rest_.front());
    if (found == nullptr) {
      failed_ = true;
      return {};
    }
    rest_ = rest_.subspan(1);
    if constexpr (std::is_same_v<Text, store::ByteString>) {
      return found->bytes;
    } else {
      return *found;
    }
  }
  bool done() const { return !failed_ && rest_.empty(); }

 private:
  std::span<const store::Element> rest_;
  bool failed_ = false;
};

// Puts a decoded value in its place; false and the reason if it could not be decoded.
template <class T>
bool put(Result<T> from, T& to, std::string& problem) {
  if (!from) {
    problem = from.error().text;
    return false;
  }
  to = std::move(*from);
  return true;
}

Result<std::uint64_t> read_number(std::string_view bytes) {
  const auto value = store::read_u64_value(bytes);
  if (!value) return fail("{} bytes, where a counter has 8", bytes.size());
  return *value;
}

// nullopt and an empty problem: no such kind of key.
std::optional<Row> read_kind(KeyTail& key, std::string_view value, std::string& problem) {
  const ByteView bytes = bytes_of(value);
  if (key.takes("chunk")) {
    EntityRow row{key.number<ChunkCode>(), key.number<EntityId>(), {}};
    if (put(world::read_entity(bytes), row.entity, problem)) return row;
  } else if (key.takes("player")) {
    PlayerRow row{key.number<PlayerId>(), {}};
    if (put(world::read_player(bytes), row.player, problem)) return row;
  } else if (key.takes("session")) {
    SessionRow row{key.number<PlayerId>(), 0};
    if (put(read_number(value), row.epoch, problem)) return row;
  } else if (key.takes("account")) {
    AccountRow row{key.text<store::ByteString>(), {}};
    std::uint64_t player = 0;
    if (put(read_number(value), player, problem)) {
      row.player = PlayerId{player};
      return row;
    }
  } else if (key.takes("input")) {
    InputRow row{key.number<RegionId>(), key.number<PlayerId>(), key.number<ActionSeq>(), {}};
    if (put(world::read_input(bytes), row.input, problem)) return row;
  } else if (key.takes("frame")) {
    FrameRow row{key.number<RegionId>(), key.number<FrameNo>(), {}};
    if (put(world::read_frame(bytes), row.record, problem)) return row;
  } else if (key.takes("region")) {
    const auto region = key.number<RegionId>();
    if (key.takes("head")) {
      HeadRow row{region, {}};
      if (put(region::read_head(value), row.head, problem)) return row;
    } else {
      RegionRow row{region, {}};
      if (put(region::read_ownership(value), row.ownership, problem)) return row;
    }
  } else if (key.takes("ledger")) {
    if (key.takes("total")) {
      TotalRow row{key.number<ItemType>(), 0};
      std::uint64_t total = 0;
      if (put(read_number(value), total, problem)) {
        row.total = static_cast<std::int64_t>(total);
        return row;
      }
    } else if (key.takes("entry")) {
      LedgerRow row{key.number<RegionId>(), key.number<FrameNo>(), {}};
      if (put(world::read_ledger(bytes), row.entries, problem)) return row;
    }
  } else if (key.takes("meta")) {
    MetaRow row{key.text<std::string>(), 0};
    if (put(read_number(value), row.value, problem)) return row;
  }
  return std::nullopt;
}

}  // namespace

Result<Row> read_row(const store::KeyValue& row) {
  const auto tuple = store::unpack(row.key);
  if (!tuple) return fail("{}: the key is no tuple: {}", key_text(row.key), tuple.error().text);
  KeyTail key(*tuple);
  std::string problem;
  auto read = read_kind(key, row.value, problem);
  if (!problem.empty()) return fail("{}: {}", key_text(row.key), problem);
  if (!read || !key.done()) return fail("{}: no key of a world", key_text(row.key));
  return std::move(*read);
}

}  // namespace everframe::inspect
