#include "world/records.h"

#include <utility>

#include "base/assert.h"
#include "base/codec.h"
#include "base/hash.h"

namespace everframe::world {

namespace {

constexpr std::uint8_t VERSION = 1;                          // of every record; persistent
constexpr std::uint64_t ENTITY_SALT = 0x656e74697479ULL;     // persistent: the world's hash
constexpr std::uint64_t PLAYER_SALT = 0x706c61796572ULL;     // persistent: the world's hash
constexpr std::uint64_t EFFECTS_SALT = 0x65666665637473ULL;  // persistent: frame records' digests
constexpr std::size_t STACK_SMALLEST = 2;                    // bytes; so that a count cannot ask for the moon
constexpr std::size_t OUTCOME_SMALLEST = 3;
constexpr std::size_t INPUT_SMALLEST = 3;
constexpr std::size_t LEDGER_SMALLEST = 4;

// One description of a record's fields serves both directions: `fields(codec, value)` names them in order, a
// Writer puts each, a Reader fills each. So writing and reading cannot drift apart.
struct Writer {
  ByteWriter out;

  void version() { out.u8(VERSION); }
  template <class T>
  void vu(T v) {
    out.varint(static_cast<std::uint64_t>(v));
  }
  void vs(std::int64_t v) { out.zigzag(v); }
  void wall(WallMs v) { out.zigzag(raw(v)); }
  void u64(std::uint64_t v) { out.u64(v); }
  void flag(bool v) { out.u8(v ? 1 : 0); }
  template <class E>
  void code(E v, std::uint8_t, std::uint8_t) {
    out.u8(static_cast<std::uint8_t>(v));
  }
  void text(const std::string& v) {
    EF_ASSERT(v.size() <= RECORD_NAME_MAX);
    out.text(v);
  }
  template <class List, class F>
  void list(const List& items, std::size_t, std::size_t limit, F each) {
    EF_ASSERT(items.size() <= limit);
    out.varint(items.size());
    for (const auto& item : items) each(*this, item);
  }
  void body(const InputBody& v);
};

struct Reader {
  ByteReader in;

  void version() {
    if (in.u8() != VERSION) in.fail();
  }
  template <class T>
  void vu(T& v) {
    std::uint64_t limit = ~std::uint64_t{0};
    if constexpr (sizeof(T) < 8) limit = (std::uint64_t{1} << (8 * sizeof(T))) - 1;
    v = static_cast<T>(in.varint_up_to(limit));
  }
  void vs(std::int32_t& v) { v = in.zigzag32(); }
  void vs(std::int64_t& v) { v = in.zigzag(); }
  void wall(WallMs& v) { v = WallMs{in.zigzag()}; }
  void u64(std::uint64_t& v) { v = in.u64(); }
  void flag(bool& v) {
    const std::uint8_t byte = in.u8();
    if (byte > 1) in.fail();
    v = byte == 1;
  }
  template <class E>
  void code(E& v, std::uint8_t first, std::uint8_t last) {
    const std::uint8_t byte = in.u8();
    if (byte < first || byte > last) in.fail();
    v = static_cast<E>(in.ok() ? byte : first);
  }
  void text(std::string& v) { v = in.text(RECORD_NAME_MAX); }
  template <class List, class F>
  void list(List& items, std::size_t smallest, std::size_t limit, F each) {
    const std::uint64_t count = in.varint_up_to(std::min(limit, in.remaining() / smallest));
    items.clear();
    for (std::uint64_t i = 0; i < count && in.ok(); ++i) each(*this, items.emplace_back());
  }
  void body(InputBody& v);
};

// In all of these, C is a Writer with a const value, or a Reader with one to fill.
const auto position = [](auto& c, auto& v) {
  c.vs(v.x);
  c.vs(v.y);
  c.vs(v.z);
};
const auto stack = [](auto& c, auto& v) {
  c.vu(v.item);
  c.vu(v.count);
};
const auto entity_fields = [](auto& c, auto& v) {
  c.vu(v.id);
  c.vu(v.type);
  position(c, v.position);
  c.vs(v.yaw);
  c.vs(v.hp);
  c.vu(v.state);
  c.vu(v.owner);
  c.wall(v.due);
  c.list(v.stacks, STACK_SMALLEST, RECORD_STACKS_MAX, stack);
};
const auto outcome_fields = [](auto& c, auto& v) {
  c.vu(v.seq);
  c.vu(v.frame);
  c.code(v.refusal, 0, REFUSAL_LAST);
};
const auto player_fields = [](auto& c, auto& v) {
  c.vu(v.id);
  c.text(v.name);
  c.vu(v.body);
  c.vu(v.chunk);
  c.vu(v.last_seq);
  c.list(v.outcomes, OUTCOME_SMALLEST, OUTCOMES_KEPT, outcome_fields);
};
const auto ledger_fields = [](auto& c, auto& v) {
  c.vu(v.item);
  c.vs(v.delta);
  c.code(v.cause, static_cast<std::uint8_t>(LedgerCause::JOIN),
         static_cast<std::uint8_t>(LedgerCause::GENESIS));
  c.vu(v.player);
};
const auto input_fields = [](auto& c, auto& v) {
  c.vu(v.player);
  c.vu(v.seq);
  c.body(v.body);
};
const auto frame_fields = [](auto& c, auto& v) {
  c.vu(v.frame.no);
  c.wall(v.frame.now);
  c.u64(v.frame.seed);
  c.u64(v.hash_after);
  c.u64(v.effects_digest);
  c.list(v.frame.inputs, INPUT_SMALLEST, RECORD_INPUTS_MAX, input_fields);
};

template <class C, class M>
void input_body(C& c, M& v) {
  using T = std::remove_const_t<M>;
  if constexpr (requires { v.target; }) c.vu(v.target);
  if constexpr (std::is_same_v<T, Build>) c.vu(v.what);
  if constexpr (requires { v.position; }) {  // Build, Move
    position(c, v.position);
    c.vs(v.yaw);
  }
  if constexpr (requires { v.stack; }) stack(c, v.stack);  // Drop, Transfer
  if constexpr (std::is_same_v<T, Craft>) {
    c.vu(v.recipe);
    c.vu(v.times);
  }
  if constexpr (std::is_same_v<T, Transfer>) c.flag(v.out);
  if constexpr (std::is_same_v<T, Join>) c.text(v.name);
}

void Writer::body(const InputBody& v) {
  out.u8(static_cast<std::uint8_t>(v.index() + 1));
  std::visit([this](const auto& alternative) { input_body(*this, alternative); }, v);
}

template <std::size_t I = 0>
void emplace_alternative(InputBody& v, std::size_t index) {
  if constexpr (I < std::variant_size_v<InputBody>) {
    if (index == I) {
      v.emplace<I>();
    } else {
      emplace_alternative<I + 1>(v, index);
    }
  }
}

void Reader::body(InputBody& v) {
  const std::uint8_t kind = in.u8();
  if (kind < 1 || kind > std::variant_size_v<InputBody>) return in.fail();
  emplace_alternative(v, kind - 1U);
  std::visit([this](auto& alternative) { input_body(*this, alternative); }, v);
}

template <class T, class F>
Bytes write(const T& value, F fields) {
  Bytes out;
  out.reserve(128);
  Writer writer{ByteWriter(out)};
  writer.version();
  fields(writer, value);
  return out;
}

template <class T, class F>
Result<T> read(ByteView bytes, F fields, const char* what) {
  T value;
  Reader reader{ByteReader(bytes)};
  reader.version();
  fields(reader, value);
  if (reader.in.done()) return value;
  if (bytes.empty()) return fail("{} record: no bytes", what);
  if (bytes[0] != VERSION)
    return fail("{} record: version {}, this program reads {}", what, bytes[0], VERSION);
  return fail("{} record of {} bytes is damaged at byte {}: see spec/store_format.md", what, bytes.size(),
              bytes.size() - reader.in.remaining());
}

const auto ledger_list = [](auto& c, auto& v) {
  c.list(v, LEDGER_SMALLEST, RECORD_LEDGER_MAX, ledger_fields);
};

}  // namespace

Bytes write_entity(const Entity& entity) {
  return write(entity, entity_fields);
}
Result<Entity> read_entity(ByteView bytes) {
  return read<Entity>(bytes, entity_fields, "entity");
}
Bytes write_player(const Player& player) {
  return write(player, player_fields);
}
Result<Player> read_player(ByteView bytes) {
  return read<Player>(bytes, player_fields, "player");
}
Bytes write_input(const Input& input) {
  return write(input, input_fields);
}
Result<Input> read_input(ByteView bytes) {
  return read<Input>(bytes, input_fields, "input");
}
Bytes write_frame(const FrameRecord& record) {
  return write(record, frame_fields);
}
Result<FrameRecord> read_frame(ByteView bytes) {
  return read<FrameRecord>(bytes, frame_fields, "frame");
}
Bytes write_ledger(const std::vector<LedgerEntry>& entries) {
  return write(entries, ledger_list);
}
Result<std::vector<LedgerEntry>> read_ledger(ByteView bytes) {
  return read<std::vector<LedgerEntry>>(bytes, ledger_list, "ledger");
}

std::uint64_t hash_of(const Entity& entity) {
  return hash64(write_entity(entity), ENTITY_SALT);
}
std::uint64_t hash_of(const Player& player) {
  return hash64(write_player(player), PLAYER_SALT);
}

std::uint64_t digest(const Effects& effects) {
  Bytes out;
  Writer writer{ByteWriter(out)};
  const auto side = [&writer](const auto& row, const auto& fields) {
    writer.flag(row.has_value());
    if (row) fields(writer, *row);
  };
  writer.vu(effects.frame);
  writer.vu(effects.entities.size());
  for (const EntityChange& change : effects.entities) {
    side(change.before, entity_fields);
    side(change.after, entity_fields);
  }
  writer.vu(effects.players.size());
  for (const PlayerChange& change : effects.players) {
    side(change.before, player_fields);
    side(change.after, player_fields);
  }
  writer.vu(effects.outcomes.size());
  for (const PlayerOutcome& outcome : effects.outcomes) {
    writer.vu(outcome.player);
    outcome_fields(writer, outcome.outcome);
  }
  ledger_list(writer, effects.ledger);
  writer.vu(effects.next_entity_after);
  return hash64(out, EFFECTS_SALT);
}

}  // namespace everframe::world
