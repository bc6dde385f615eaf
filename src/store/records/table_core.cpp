#include "store/records/table_core.h"

#include <map>

#include "base/started.h"
#include "store/world_keys.h"

namespace everframe::store::records {

namespace {

// What reading \xff/metadataVersion gives in a transaction that writes it.
constexpr int ACCESSED_UNREADABLE = 1036;

using Value = std::optional<std::string>;

}  // namespace

// What a write reads before it writes, all asked for at once.
struct TableCore::Reads {
  Value row;
  std::vector<Value> owners;                // of the unique entries, in the order of those that are checked
  std::map<std::size_t, Value> progresses;  // of aggregates that are being built, by number
};

TableCore::TableCore(const Subspace& home, TableShape shape)
    : shape_(std::move(shape)), layout_(home, shape_.name, shape_.description.indexes) {
  for (const FieldDescription& field : shape_.description.fields) known_ids_.push_back(field.id);
}

std::size_t TableCore::index_number(std::string_view name) const {
  const IndexDescription* found = shape_.description.index(name);
  if (found == nullptr) return NO_POSITION;
  return static_cast<std::size_t>(found - shape_.description.indexes.data());
}

void TableCore::set_state(Transaction& t, std::string_view index, IndexState state) const {
  const KeyBytes key = layout_.state(index);
  if (state == IndexState::READABLE) {
    t.clear(key);
  } else {
    t.set(key, std::string(1, static_cast<char>(state)));
  }
  bump_versions(t);
}

void TableCore::bump_versions(Transaction& t) const {
  t.bump_metadata_version();
  // A stamp of 10 bytes at offset 0, which the last 4 say.
  t.atomic(AtomicOp::SET_VERSIONSTAMPED_VALUE, layout_.version(), std::string(14, '\0'));
}

Task<Result<void>> TableCore::prepare(Database& database, platform::Executor& executor) const {
  Function<Task<Result<bool>>(Transaction&)> body = [this](Transaction& t) -> Task<Result<bool>> {
    const auto prepared = co_await prepare_in(t);
    if (!prepared) co_return tl::unexpected<Error>(prepared.error());
    co_return true;
  };
  const auto done = co_await database.run<bool>(executor, std::move(body));
  if (!done) co_return tl::unexpected<Error>(done.error());
  co_return Result<void>{};
}

Task<Result<bool>> TableCore::has_rows(Transaction& t) const {
  const RangeOptions first{1, false, false};
  const KeyRange rows{layout_.rows(), layout_.rows() + '\xff'};
  const auto found = co_await t.get_range(rows, first);
  if (!found) co_return tl::unexpected<Error>(found.error());
  co_return !found->empty();
}

Task<Result<void>> TableCore::prepare_in(Transaction& t) const {
  const auto header = co_await t.get(layout_.header());
  if (!header) co_return tl::unexpected<Error>(header.error());
  if (!*header) {
    const auto rows = co_await has_rows(t);
    if (!rows) co_return tl::unexpected<Error>(rows.error());
    if (*rows) co_return fail("table {} has records and no header", shape_.name);
    Description first = shape_.description;
    first.dropped.clear();
    t.set(layout_.header(), write_description(first));
    bump_versions(t);
    co_return Result<void>{};
  }
  const auto stored = read_description(**header);
  if (!stored) co_return tl::unexpected<Error>(stored.error());
  const auto evolution = check_evolution(shape_.name, *stored, shape_.description);
  if (!evolution) co_return tl::unexpected<Error>(evolution.error());
  if (!evolution->changes) co_return Result<void>{};
  co_return co_await evolve(t, *evolution);
}

Task<Result<void>> TableCore::evolve(Transaction& t, const Evolution& evolution) const {
  for (const IndexDescription& index : evolution.removed) {
    t.clear(keys_starting_with(layout_.prefix_of(index)));
    for (const KeyBytes& key :
         {layout_.state(index.name), layout_.progress(index.name), layout_.claim(index.name)}) {
      t.clear(key);
    }
  }
  const auto rows = co_await has_rows(t);
  if (!rows) co_return tl::unexpected<Error>(rows.error());
  for (const IndexDescription& index : evolution.added) {
    // A feed tells what happens from now on; it has nothing to build.
    if (*rows && index.kind != IndexKind::FEED) set_state(t, index.name, IndexState::WRITE_ONLY);
  }
  t.set(layout_.header(), write_description(evolution.merged));
  bump_versions(t);
  co_return Result<void>{};
}

Result<void> TableCore::accept_header(std::string_view header) const {
  if (!accepted_header_.empty() && header == accepted_header_) return {};
  const auto stored = read_description(header);
  if (!stored) return tl::unexpected(stored.error());
  const auto evolution = check_evolution(shape_.name, *stored, shape_.description);
  if (!evolution) return tl::unexpected(evolution.error());
  if (evolution->changes) {
    return fail(
        "table {}: the store has version {} of its schema, this program {}; it must be prepared first",
        shape_.name, stored->version, shape_.description.version);
  }
  accepted_header_ = header;
  return {};
}

Task<Result<SharedStates>> TableCore::states(Transaction& t) const {
  const auto is_unreadable = [](const Result<Value>& version) {
    return !version && version.error().code == ACCESSED_UNREADABLE;
  };
  // A snapshot: that other tables change is no conflict.
  const auto global = co_await t.get(std::string(METADATA_VERSION_KEY), true);
  if (!global && !is_unreadable(global)) co_return tl::unexpected<Error>(global.error());
  const std::string own_key = layout_.version();
  if (global && cache_ && cache_->metadata_version == global->value_or("")) {
    t.add_read_conflict({own_key, own_key + '\0'});
    co_return cache_->states;
  }
  const auto own = co_await t.get(own_key);
  if (!own && !is_unreadable(own)) co_return tl::unexpected<Error>(own.error());
  if (own && cache_ && cache_->table_version == own->value_or("")) {
    if (global) cache_->metadata_version = global->value_or("");
    co_return cache_->states;
  }
  auto read = co_await read_states(t);
  // A transaction that changes states itself sees its own changes, which nobody else may yet.
  if (read && global && own) cache_ = Cache{global->value_or(""), own->value_or(""), *read};
  co_return read;
}

Task<Result<SharedStates>> TableCore::read_states(Transaction& t) const {
  Started<Result<Value>> asked_header(t.get(layout_.header()));
  Started<Result<KeyValues>> asked_states(t.get_range(layout_.states()));
  const auto header = co_await std::move(asked_header);
  const auto rows = co_await std::move(asked_states);
  if (!header) co_return tl::unexpected<Error>(header.error());
  if (!rows) co_return tl::unexpected<Error>(rows.error());
  if (!*header) co_return fail("table {} is not in this store; it must be prepared first", shape_.name);
  if (auto accepted = accept_header(**header); !accepted) co_return tl::unexpected<Error>(accepted.error());
  IndexStates states(shape_.description.indexes.size(), IndexState::READABLE);
  for (std::size_t i = 0; i < states.size(); ++i) {
    const KeyBytes key = layout_.state(shape_.description.indexes[i].name);
    for (const KeyValue& row : *rows) {
      if (row.key == key && row.value.size() == 1) states[i] = static_cast<IndexState>(row.value[0]);
    }
  }
  co_return std::make_shared<const IndexStates>(std::move(states));
}

Task<Result<Value>> TableCore::read_row(Transaction& t, KeyBytes row_key, bool snapshot) const {
  if (!shape_.style.chunked) {
    const auto value = co_await t.get(std::move(row_key), snapshot);
    if (!value) co_return value;
    if (!*value) co_return Value();
    co_return unseal(**value, {});
  }
  const RangeOptions options{0, false, snapshot};
  const KeyRange range{row_key, row_key + '\xff'};
  const auto rows = co_await t.get_range(range, options);
  if (!rows) co_return tl::unexpected<Error>(rows.error());
  if (rows->empty()) co_return Value();
  if (rows->front().key != row_key) co_return fail("a record of table {} has no head", shape_.name);
  std::vector<std::string> chunks;
  for (std::size_t i = 1; i < rows->size(); ++i) chunks.emplace_back((*rows)[i].value);
  co_return unseal(rows->front().value, chunks);
}

Task<Result<Written>> TableCore::write(Transaction& t, SharedStates shared_states, Change change,
                                       std::optional<KnownRow> known) const {
  const IndexStates& states = *shared_states;
  const auto& indexes = shape_.description.indexes;
  std::vector<Task<Result<Value>>> asked;
  for (const Entry& entry : change.fresh.entries) {
    if (entry.unique && states[entry.index] != IndexState::DISABLED) asked.push_back(t.get(entry.key));
  }
  const std::size_t owners = asked.size();
  std::vector<std::size_t> built;
  for (std::size_t i = 0; i < indexes.size(); ++i) {
    if (!is_aggregate(indexes[i].kind) || states[i] != IndexState::WRITE_ONLY) continue;
    built.push_back(i);
    asked.push_back(t.get(layout_.progress(indexes[i].name)));
  }
  if (!known) asked.push_back(read_row(t, layout_.row(change.packed_key), false));
  auto answers = co_await when_all(std::move(asked));
  for (const auto& answer : answers) {
    if (!answer) co_return tl::unexpected<Error>(answer.error());
  }
  Reads reads;
  reads.row = known ? std::move(known->body) : std::move(*answers.back());
  for (std::size_t i = 0; i < owners; ++i) reads.owners.push_back(std::move(*answers[i]));
  for (std::size_t i = 0; i < built.size(); ++i) {
    reads.progresses.emplace(built[i], std::move(*answers[owners + i]));
  }
  co_return apply(t, states, std::move(change), std::move(reads));
}

Result<void> TableCore::put_blind(Transaction& t, const Change& change) const {
  if (auto put = put_row(t, change, std::nullopt); !put) return put;
  for (const Amount& amount : change.fresh.amounts) put_amount(t, amount, true);
  tell_feeds(t, change, false);
  return {};
}

Result<Written> TableCore::apply(Transaction& t, const IndexStates& states, Change change,
                                 Reads reads) const {
  if (change.mode == WriteMode::INSERT && reads.row) return Written{WriteOutcome::EXISTS, {}};
  const bool wants_one = change.mode == WriteMode::ERASE || change.mode == WriteMode::REPLACE;
  if (wants_one && !reads.row) return Written{WriteOutcome::ABSENT, {}};
  std::size_t checked = 0;
  for (const Entry& entry : change.fresh.entries) {
    if (!entry.unique || states[entry.index] == IndexState::DISABLED) continue;
    const Value& owner = reads.owners[checked++];
    if (owner && *owner != change.packed_key) {
      return Written{WriteOutcome::TAKEN, shape_.description.indexes[entry.index].name};
    }
  }
  Derived old;
  if (reads.row) {
    auto derived = shape_.derive(layout_, change.packed_key, *reads.row);
    if (!derived) return tl::unexpected(derived.error());
    old = std::move(*derived);
  }
  if (auto put = put_row(t, change, reads.row); !put) return tl::unexpected(put.error());
  put_entries(t, states, old, change.fresh);
  put_amounts(t, states, change, old, reads);
  tell_feeds(t, change, reads.row.has_value());
  return Written{};
}

Result<void> TableCore::put_row(Transaction& t, const Change& change, const Value& old_body) const {
  const KeyBytes row_key = layout_.row(change.packed_key);
  StoredRow row;
  if (change.mode != WriteMode::ERASE) {
    std::string body = change.body;
    if (old_body) {
      const auto kept = unknown_fields(*old_body, known_ids_);
      if (!kept) return tl::unexpected(kept.error());
      body += *kept;
    }
    auto sealed = seal(shape_.style, body);
    if (!sealed) return tl::unexpected(sealed.error());
    row = std::move(*sealed);
  }
  // Chunks that were there before are not known to a blind write.
  if (shape_.style.chunked && (old_body || change.mode == WriteMode::BLIND)) {
    t.clear(KeyRange{row_key, row_key + '\xff'});
  }
  if (change.mode == WriteMode::ERASE) {
    if (!shape_.style.chunked) t.clear(row_key);
    return {};
  }
  t.set(row_key, row.head);
  for (std::size_t i = 0; i < row.chunks.size(); ++i) {
    t.set(std::move(TuplePacker(row_key).integer(i)).key(), row.chunks[i]);
  }
  return {};
}

void TableCore::put_entries(Transaction& t, const IndexStates& states, const Derived& old,
                            const Derived& fresh) const {
  std::map<std::string_view, const Entry*> before;
  for (const Entry& entry : old.entries) before.emplace(entry.key, &entry);
  for (const Entry& entry : fresh.entries) {
    const auto was = before.find(entry.key);
    const bool same = was != before.end() && was->second->value == entry.value;
    if (was != before.end()) before.erase(was);
    if (!same && states[entry.index] != IndexState::DISABLED) t.set(entry.key, entry.value);
  }
  for (const auto& [key, entry] : before) {
    if (states[entry->index] != IndexState::DISABLED) t.clear(key);
  }
}

void put_amount(Transaction& t, const Amount& amount, bool add) {
  switch (amount.kind) {
    case IndexKind::COUNT:
    case IndexKind::SUM: {
      t.add(amount.key, static_cast<std::int64_t>(add ? amount.value : 0 - amount.value));
      // A group that has nothing any more takes no room.
      if (!add) t.atomic(AtomicOp::COMPARE_AND_CLEAR, amount.key, u64_value(0));
      break;
    }
    case IndexKind::MAX_EVER:
      if (add) t.atomic(AtomicOp::MAX, amount.key, u64_value(amount.value));
      break;
    case IndexKind::MIN_EVER:
      if (add) t.atomic(AtomicOp::MIN, amount.key, u64_value(amount.value));
      break;
    default:
      EF_ASSERT(false);
  }
}

void TableCore::put_amounts(Transaction& t, const IndexStates& states, const Change& change,
                            const Derived& old, const Reads& reads) const {
  const auto counts = [&](const Amount& amount) {
    if (states[amount.index] == IndexState::READABLE) return true;
    if (states[amount.index] == IndexState::DISABLED) return false;
    // What its build has not reached yet, it will count itself.
    const Value& progress = reads.progresses.at(amount.index);
    return progress && change.packed_key <= *progress;
  };
  const auto unchanged = [](const Amount& amount, const std::vector<Amount>& others) {
    return std::any_of(others.begin(), others.end(), [&](const Amount& other) {
      return other.index == amount.index && other.key == amount.key && other.value == amount.value;
    });
  };
  for (const Amount& amount : old.amounts) {
    if (counts(amount) && !unchanged(amount, change.fresh.amounts)) put_amount(t, amount, false);
  }
  for (const Amount& amount : change.fresh.amounts) {
    if (counts(amount) && !unchanged(amount, old.amounts)) put_amount(t, amount, true);
  }
}

void TableCore::tell_feeds(Transaction& t, const Change& change, bool existed) const {
  ChangeKind kind = existed ? ChangeKind::UPDATED : ChangeKind::INSERTED;
  if (change.mode == WriteMode::BLIND) kind = ChangeKind::PUT;
  if (change.mode == WriteMode::ERASE) kind = ChangeKind::ERASED;
  const std::string told = static_cast<char>(kind) + std::string(change.packed_key);
  for (const KeyBytes& group : change.feeds) {
    TuplePacker line(group);
    line.versionstamp(Versionstamp::incomplete(t.next_stamp_order()));
    const auto key = std::move(line).versionstamped_key();
    EF_ASSERT(key.has_value());
    t.atomic(AtomicOp::SET_VERSIONSTAMPED_KEY, *key, told);
    t.add(group, 1);
  }
}

}  // namespace everframe::store::records
