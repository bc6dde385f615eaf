// Rows<SCHEMA>: a table within one transaction. Everything that is written here, with all that follows from
// it in the indexes, is committed or lost with the transaction. Table<SCHEMA>::in(transaction) gives one.
// Costs, in the engine's calls (tests/records/counts_test.cpp holds them): get 1 read; get_by 2, one after
// the other; insert, replace and upsert 1 read, and 1 more for each unique index, all at once; update,
// upsert_only and upsert_except the same, the record's before the others; put_blind none; erase 1; scan 1
// range read a page, and along an index that does not cover 1 read a record, a page of them at once.
// Ownership: the transaction and the table outlive a Rows and what is awaited of it. A Rows is a light value:
// what is awaited of it does not need it. A Cursor outlives what is awaited of it.
#pragma once
#include <algorithm>

#include "store/records/cursor.h"
#include "store/records/feed.h"
#include "store/world_keys.h"

namespace everframe::store::records {

namespace detail {

template <class Members>
struct MemberValues;
template <class... M>
struct MemberValues<std::tuple<M...>> {
  using Type = std::tuple<typename MemberTraits<M>::Value...>;
};

template <const auto& SCHEMA, Name NAME>
inline constexpr std::size_t INDEX_NUMBER = SCHEMA.index_named(NAME.view());
template <const auto& SCHEMA, Name NAME>
inline constexpr auto& INDEX = std::get<INDEX_NUMBER<SCHEMA, NAME>>(SCHEMA.indexes);

template <const auto& SCHEMA, Name NAME, IndexKind... KINDS>
consteval bool has_index() {
  if constexpr (INDEX_NUMBER<SCHEMA, NAME> == NO_POSITION) {
    return false;
  } else {
    return ((INDEX<SCHEMA, NAME>.kind == KINDS) || ...);
  }
}

template <const auto& SCHEMA, class... Terms>
consteval bool is_covered() {
  constexpr Plan PLAN = plan_of<SCHEMA, Terms...>();
  if constexpr (PLAN.path == PRIMARY) {
    return false;
  } else {
    return std::tuple_size_v<std::remove_cvref_t<decltype(std::get<PLAN.path>(SCHEMA.indexes).covered)>> > 0;
  }
}

// The first N types of a tuple, as a tuple.
template <class Tuple, std::size_t N, class = std::make_index_sequence<N>>
struct First;
template <class Tuple, std::size_t N, std::size_t... I>
struct First<Tuple, N, std::index_sequence<I...>> {
  using Type = std::tuple<std::tuple_element_t<I, Tuple>...>;
};
template <class Tuple, std::size_t N>
using FirstOf = typename First<Tuple, N>::Type;

template <const auto& SCHEMA, Name NAME>
using CustomKey = typename std::remove_cvref_t<decltype(INDEX<SCHEMA, NAME>)>::Maker::Key;

template <const auto& SCHEMA, Name NAME, class... V>
consteval bool is_custom_prefix() {
  if constexpr (!has_index<SCHEMA, NAME, IndexKind::CUSTOM>()) {
    return false;
  } else if constexpr (sizeof...(V) > std::tuple_size_v<CustomKey<SCHEMA, NAME>>) {
    return false;
  } else {
    return std::is_constructible_v<FirstOf<CustomKey<SCHEMA, NAME>, sizeof...(V)>, V...>;
  }
}

// Fields that may be written apart from the others.
template <const auto& SCHEMA, auto... MEMBERS>
consteval bool are_apart() {
  return sizeof...(MEMBERS) > 0 && ((SCHEMA.position_of(MEMBERS) != NO_POSITION) && ...) &&
         !(SCHEMA.is_in_key(MEMBERS) || ...);
}

}  // namespace detail

// Values that entries of this custom index may begin with.
template <const auto& SCHEMA, Name NAME, class... V>
concept CustomPrefix = detail::is_custom_prefix<SCHEMA, NAME, V...>();
// Fields of the schema, none of them of the primary key.
template <const auto& SCHEMA, auto... MEMBERS>
concept FieldsApart = detail::are_apart<SCHEMA, MEMBERS...>();
// The schema has an index of this name, of one of these kinds.
template <const auto& SCHEMA, Name NAME, IndexKind... KINDS>
concept IndexNamed = detail::has_index<SCHEMA, NAME, KINDS...>();
// The query goes along an index that covers fields.
template <const auto& SCHEMA, class... Terms>
concept Covered = Indexed<SCHEMA, Terms...> && detail::is_covered<SCHEMA, Terms...>();

// The primary key's values.
template <const auto& SCHEMA>
using KeyOf = typename detail::MemberValues<std::remove_cvref_t<decltype(SCHEMA.key)>>::Type;

template <const auto& SCHEMA>
struct RecordChange {
  Versionstamp at;
  ChangeKind kind;
  KeyOf<SCHEMA> key;
};

template <const auto& SCHEMA>
class Rows {
 public:
  using Record = RecordOf<SCHEMA>;
  using Key = KeyOf<SCHEMA>;
  using Found = std::optional<Record>;
  template <class V>
  using Answer = Task<Result<V>>;

  Rows(Transaction& t, const TableCore& table, SharedStates states)
      : t_(&t), table_(&table), states_(std::move(states)) {}

  // The same rows, read without conflicts: for what is checked again later, or may be a little old.
  Rows snapshot() const {
    Rows out = *this;
    out.snapshot_ = true;
    return out;
  }

  Answer<Found> get(Key key) const { return get_packed(*this, detail::pack_values({}, key)); }
  // All at once; results in the keys' order.
  Answer<std::vector<Found>> get_many(std::vector<Key> keys) const {
    return get_each(*this, std::move(keys));
  }
  // By the fields of a unique index.
  template <Name NAME, class... V>
  Answer<Found> get_by(V... values) const requires IndexNamed<SCHEMA, NAME, IndexKind::UNIQUE> {
    return get_by_entry(*this, detail::INDEX_NUMBER<SCHEMA, NAME>, group_key<NAME>(std::move(values)...));
  }

  // EXISTS: there is one with its key. TAKEN: another has what a unique index allows once.
  Answer<Written> insert(const Record& record) const { return write(WriteMode::INSERT, record); }
  // Inserts, or replaces but for fields that this program does not know. TAKEN as above.
  Answer<Written> upsert(const Record& record) const { return write(WriteMode::UPSERT, record); }
  // Replaces; ABSENT: there is none.
  Answer<Written> replace(const Record& record) const { return write(WriteMode::REPLACE, record); }
  // Inserts, or replaces these fields of what is there and no others.
  template <auto... MEMBERS>
  Answer<Written> upsert_only(Record record) const requires FieldsApart<SCHEMA, MEMBERS...> {
    return rewrite(*this, key_of(record), [record = std::move(record)](const Found& old) {
      Record out = old ? *old : record;
      ((out.*MEMBERS = record.*MEMBERS), ...);
      return Found(std::move(out));
    });
  }
  // Inserts, or replaces all fields of what is there but these.
  template <auto... MEMBERS>
  Answer<Written> upsert_except(Record record) const requires FieldsApart<SCHEMA, MEMBERS...> {
    return rewrite(*this, key_of(record), [record = std::move(record)](const Found& old) {
      Record out = record;
      if (old) ((out.*MEMBERS = (*old).*MEMBERS), ...);
      return Found(std::move(out));
    });
  }
  // Does `change` to what is there, but for its key, which stays; ABSENT: there is none. May be called again.
  Answer<Written> update(Key key, Function<void(Record&)> change) const {
    return rewrite(*this, std::move(key), [change = std::move(change)](const Found& old) {
      Found out = old;
      if (out) change(*out);
      return out;
    });
  }
  // Replaces without a look at what was there: no read, no conflict with other writers, unknown fields are
  // lost. Does not compile for a schema whose indexes need the old record.
  Result<void> put_blind(const Record& record) const requires(!SCHEMA.needs_old_record()) {
    return table_->put_blind(*t_, change_of(WriteMode::BLIND, record));
  }
  // ABSENT: there was none.
  Answer<Written> erase(Key key) const {
    Record record{};
    assign_key(record, std::move(key));
    Change change;
    change.mode = WriteMode::ERASE;
    change.packed_key = write_key<SCHEMA>(record);
    change.feeds = feed_groups<SCHEMA>(table_->layout(), record);
    return table_->write(*t_, states_, std::move(change));
  }

  // What plan.h says: eq<&T::a>(v), between<&T::b>(low, high), at_least, below, along<"index">().
  template <class... Terms>
  auto scan(ScanOptions options, Terms... terms) const requires Indexed<SCHEMA, Terms...> {
    return cursor<false>(std::move(options), terms...);
  }
  template <class... Terms>
  auto scan(Terms... terms) const requires Indexed<SCHEMA, Terms...> {
    return cursor<false>(ScanOptions(), terms...);
  }
  // From the index alone: only along one that covers.
  template <class... Terms>
  auto scan_covered(ScanOptions options, Terms... terms) const requires Covered<SCHEMA, Terms...> {
    return cursor<true>(std::move(options), terms...);
  }
  // IN: the records whose field is one of these, each value's in the order of its scan; see Either. Limits of
  // the options are each scan's; there is no continuation.
  template <auto MEMBER, class... Terms>
  Either<SCHEMA> scan_in(ScanOptions options, std::vector<detail::ValueOf<MEMBER>> values,
                         Terms... terms) const requires Indexed<SCHEMA, Equal<MEMBER>, Terms...> {
    Either<SCHEMA> out(true);
    for (auto value = values.begin(); value != values.end(); ++value) {
      if (std::find(values.begin(), value, *value) != value) continue;
      out.add(cursor<false>(options, Equal<MEMBER>{*value}, terms...));
    }
    return out;
  }
  template <class... Terms>
  Answer<Found> first(Terms... terms) const requires Indexed<SCHEMA, Terms...> {
    return end_of_range(*this, false, std::move(terms)...);
  }
  // E.g. the largest level in a guild: last(eq<&Player::guild>(7)) along index<"level">(guild, level).
  template <class... Terms>
  Answer<Found> last(Terms... terms) const requires Indexed<SCHEMA, Terms...> {
    return end_of_range(*this, true, std::move(terms)...);
  }

  // Along a custom index: its entries that begin with these values of its Indexer's Key.
  template <Name NAME, class... V>
  auto scan_custom(ScanOptions options, V... prefix) const requires CustomPrefix<SCHEMA, NAME, V...> {
    constexpr std::size_t NUMBER = detail::INDEX_NUMBER<SCHEMA, NAME>;
    using EntryKey = detail::CustomKey<SCHEMA, NAME>;
    using Entries = Cursor<SCHEMA, Plan{NUMBER, sizeof...(V), false}, false>;
    if (auto ready = readable(NUMBER); !ready) return Entries(*t_, *table_, ready.error());
    options.snapshot = options.snapshot || snapshot_;
    ScanPath path;
    path.source = ScanPath::Source::ENTRIES;
    path.prefix = table_->layout().index(NUMBER);
    path.keyed = std::tuple_size_v<EntryKey>;
    const detail::FirstOf<EntryKey, sizeof...(V)> values(std::move(prefix)...);
    const KeyBytes begin = detail::pack_values(path.prefix, values);
    path.range = {begin, begin + '\xff'};
    return Entries(*t_, *table_, std::move(path), std::move(options));
  }

  // Records in a box on the ground: a few range reads at once along a spatial index, then their records.
  template <Name NAME>
  Answer<std::vector<Record>> within(Box box) const requires IndexNamed<SCHEMA, NAME, IndexKind::SPATIAL> {
    constexpr auto& INDEX = detail::INDEX<SCHEMA, NAME>;
    return within_box(*this, detail::INDEX_NUMBER<SCHEMA, NAME>, std::get<0>(INDEX.keyed),
                      static_cast<std::int32_t>(INDEX.parameter), box);
  }

  // Of a COUNT or SUM, by the values of its group; 0 if there is nothing.
  template <Name NAME, class... V>
  Answer<std::int64_t> total(V... group) const requires
      IndexNamed<SCHEMA, NAME, IndexKind::COUNT, IndexKind::SUM> {
    return total_of(*this, detail::INDEX_NUMBER<SCHEMA, NAME>, group_key<NAME>(std::move(group)...));
  }
  // Of a MIN_EVER or MAX_EVER; nothing: the group never had any.
  template <Name NAME, class... V>
  auto ever(V... group) const requires IndexNamed<SCHEMA, NAME, IndexKind::MIN_EVER, IndexKind::MAX_EVER> {
    using Members = std::remove_cvref_t<decltype(detail::INDEX<SCHEMA, NAME>.covered)>;
    using Number = std::tuple_element_t<0, typename detail::MemberValues<Members>::Type>;
    return ever_of<Number>(*this, detail::INDEX_NUMBER<SCHEMA, NAME>, group_key<NAME>(std::move(group)...));
  }

  // What changed behind `after`, oldest first, at most `limit` (0: all). Not in a transaction that has
  // written to the table: what it adds has no place yet.
  template <Name NAME, class... V>
  Answer<std::vector<RecordChange<SCHEMA>>> changes(std::optional<Versionstamp> after, std::size_t limit,
                                                    V... group) const requires
      IndexNamed<SCHEMA, NAME, IndexKind::FEED> {
    return changes_of(*this, group_key<NAME>(std::move(group)...), after, limit);
  }
  // Forgets the changes up to and with `last`.
  template <Name NAME, class... V>
  void trim(const Versionstamp& last, V... group) const requires IndexNamed<SCHEMA, NAME, IndexKind::FEED> {
    trim_changes(*t_, group_key<NAME>(std::move(group)...), last);
  }
  // Ends at the next change that the feed tells, once this transaction has committed.
  template <Name NAME, class... V>
  Watch watch_changes(V... group) const requires IndexNamed<SCHEMA, NAME, IndexKind::FEED> {
    return t_->watch(group_key<NAME>(std::move(group)...));
  }
  // Ends when the record is written or erased.
  Watch watch(Key key) const { return t_->watch(table_->layout().row(detail::pack_values({}, key))); }

  template <Name NAME>
  IndexState state() const requires(detail::INDEX_NUMBER<SCHEMA, NAME> != NO_POSITION) {
    return (*states_)[detail::INDEX_NUMBER<SCHEMA, NAME>];
  }

 private:
  static constexpr std::size_t BOX_RANGES_MAX = 16;  // range reads of one box

  static void assign_key(Record& record, Key key) {
    std::apply(
        [&](auto... members) {
          std::apply([&](auto&... values) { ((record.*members = std::move(values)), ...); }, key);
        },
        SCHEMA.key);
  }
  Change change_of(WriteMode mode, const Record& record) const {
    Change change;
    change.mode = mode;
    change.packed_key = write_key<SCHEMA>(record);
    change.body = write_body<SCHEMA>(record);
    change.fresh = derive<SCHEMA>(table_->layout(), change.packed_key, record);
    change.feeds = feed_groups<SCHEMA>(table_->layout(), record);
    return change;
  }
  Answer<Written> write(WriteMode mode, const Record& record) const {
    return table_->write(*t_, states_, change_of(mode, record));
  }

  static Key key_of(const Record& record) {
    return std::apply([&](auto... k) { return Key(record.*k...); }, SCHEMA.key);
  }
  // Reads what has this key and writes what `make` makes of it; nothing: ABSENT.
  static Answer<Written> rewrite(Rows self, Key key, Function<Found(const Found&)> make) {
    const KeyBytes packed = detail::pack_values({}, key);
    KnownRow row;
    auto body = co_await self.table_->read_row(*self.t_, self.table_->layout().row(packed), false);
    if (!body) co_return tl::unexpected<Error>(body.error());
    row.body = std::move(*body);
    Found old;
    if (row.body) {
      auto record = read_record<SCHEMA>(packed, *row.body);
      if (!record) co_return tl::unexpected<Error>(record.error());
      old = std::move(*record);
    }
    Found fresh = make(old);
    if (!fresh) co_return Written{WriteOutcome::ABSENT, {}};
    assign_key(*fresh, std::move(key));
    Change change = self.change_of(WriteMode::UPSERT, *fresh);
    co_return co_await self.table_->write(*self.t_, self.states_, std::move(change), std::move(row));
  }

  Result<void> readable(std::size_t number) const {
    if ((*states_)[number] == IndexState::READABLE) return {};
    return fail("index {} of table {} is not complete: its build has not ended",
                table_->shape().description.indexes[number].name, SCHEMA.name);
  }

  template <bool COVERED, class... Terms>
  auto cursor(ScanOptions options, const Terms&... terms) const {
    constexpr Plan PLAN = plan_of<SCHEMA, Terms...>();
    options.snapshot = options.snapshot || snapshot_;
    ScanPath path;
    if constexpr (PLAN.path == PRIMARY) {
      path.prefix = table_->layout().rows();
      path.range = range_for(path.prefix, SCHEMA.key, terms...);
      return Cursor<SCHEMA, PLAN, COVERED>(*t_, *table_, std::move(path), std::move(options));
    } else {
      constexpr auto& INDEX = std::get<PLAN.path>(SCHEMA.indexes);
      if (auto ready = readable(PLAN.path); !ready) {
        return Cursor<SCHEMA, PLAN, COVERED>(*t_, *table_, ready.error());
      }
      path.source =
          INDEX.kind == IndexKind::UNIQUE ? ScanPath::Source::UNIQUE_ENTRIES : ScanPath::Source::ENTRIES;
      path.prefix = table_->layout().index(PLAN.path);
      path.keyed = std::tuple_size_v<std::remove_cvref_t<decltype(INDEX.keyed)>>;
      path.covered = COVERED;
      path.range = range_for(path.prefix, INDEX.keyed, terms...);
      return Cursor<SCHEMA, PLAN, COVERED>(*t_, *table_, std::move(path), std::move(options));
    }
  }

  // The coroutines hold a copy of the Rows themselves: it may go while one of them waits.
  static Answer<Found> get_packed(Rows self, KeyBytes packed) {
    const auto body =
        co_await self.table_->read_row(*self.t_, self.table_->layout().row(packed), self.snapshot_);
    if (!body) co_return tl::unexpected<Error>(body.error());
    if (!*body) co_return Found();
    auto record = read_record<SCHEMA>(packed, **body);
    if (!record) co_return tl::unexpected<Error>(record.error());
    co_return Found(std::move(*record));
  }

  static Answer<std::vector<Found>> get_each(Rows self, std::vector<Key> keys) {
    std::vector<Answer<Found>> asked;
    for (Key& key : keys) asked.push_back(self.get(std::move(key)));
    auto answers = co_await when_all(std::move(asked));
    std::vector<Found> out;
    for (auto& answer : answers) {
      if (!answer) co_return tl::unexpected<Error>(answer.error());
      out.push_back(std::move(*answer));
    }
    co_return std::move(out);
  }

  template <class... Terms>
  static Answer<Found> end_of_range(Rows self, bool reverse, Terms... terms) {
    ScanOptions options;
    options.reverse = reverse;
    options.rows_max = 1;
    auto found = self.template cursor<false>(std::move(options), terms...);
    co_return co_await found.next();
  }

  static Answer<Found> get_by_entry(Rows self, std::size_t number, KeyBytes entry_key) {
    if (auto ready = self.readable(number); !ready) co_return tl::unexpected<Error>(ready.error());
    const auto packed = co_await self.t_->get(std::move(entry_key), self.snapshot_);
    if (!packed) co_return tl::unexpected<Error>(packed.error());
    if (!*packed) co_return Found();
    auto record = co_await get_packed(self, **packed);
    if (record && !*record) co_return missing();
    co_return record;
  }
  static tl::unexpected<Error> missing() {
    return fail("an index of table {} names a record that is not there", SCHEMA.name);
  }

  static Answer<std::vector<Record>> within_box(Rows self, std::size_t number, Vec3 Record::*position,
                                                std::int32_t cell_mm, Box box) {
    if (auto ready = self.readable(number); !ready) co_return tl::unexpected<Error>(ready.error());
    const KeyBytes prefix = self.table_->layout().index(number);
    const RangeOptions options{0, false, self.snapshot_};
    std::vector<Task<Result<KeyValues>>> asked;
    for (const CodeRange& codes : ranges_of(box, cell_mm, BOX_RANGES_MAX)) {
      KeyRange range{std::move(TuplePacker(prefix).integer(codes.first)).key(),
                     std::move(TuplePacker(prefix).integer(codes.last)).key() + '\xff'};
      asked.push_back(self.t_->get_range(std::move(range), options));
    }
    const auto answers = co_await when_all(std::move(asked));
    std::vector<KeyBytes> keys;
    for (const auto& rows : answers) {
      if (!rows) co_return tl::unexpected<Error>(rows.error());
      for (const KeyValue& row : *rows) {
        Record there{};
        if (auto read = read_body<SCHEMA>(row.value, there); !read)
          co_return tl::unexpected<Error>(read.error());
        if (!box.contains(there.*position)) continue;
        const auto key = skip_elements(row.key.substr(prefix.size()), 1);
        if (!key) co_return tl::unexpected<Error>(key.error());
        keys.emplace_back(*key);
      }
    }
    co_return co_await read_all(self, std::move(keys));
  }

  static Answer<std::vector<Record>> read_all(Rows self, std::vector<KeyBytes> packed_keys) {
    std::vector<Task<Result<std::optional<std::string>>>> asked;
    for (const KeyBytes& key : packed_keys) {
      asked.push_back(self.table_->read_row(*self.t_, self.table_->layout().row(key), self.snapshot_));
    }
    const auto bodies = co_await when_all(std::move(asked));
    std::vector<Record> out;
    for (std::size_t i = 0; i < bodies.size(); ++i) {
      if (!bodies[i]) co_return tl::unexpected<Error>(bodies[i].error());
      if (!*bodies[i]) co_return missing();
      auto record = read_record<SCHEMA>(packed_keys[i], **bodies[i]);
      if (!record) co_return tl::unexpected<Error>(record.error());
      out.push_back(std::move(*record));
    }
    co_return std::move(out);
  }

  template <Name NAME, class... V>
  KeyBytes group_key(V... group) const {
    constexpr std::size_t NUMBER = detail::INDEX_NUMBER<SCHEMA, NAME>;
    using Members = std::remove_cvref_t<decltype(std::get<NUMBER>(SCHEMA.indexes).keyed)>;
    typename detail::MemberValues<Members>::Type values{std::move(group)...};
    static_assert(sizeof...(V) == std::tuple_size_v<Members>, "a value for each field of the group");
    return detail::pack_values(table_->layout().index(NUMBER), values);
  }

  // Nothing: the group never had any.
  static Answer<std::optional<std::uint64_t>> aggregate_bits(Rows self, std::size_t number, KeyBytes key) {
    if (auto ready = self.readable(number); !ready) co_return tl::unexpected<Error>(ready.error());
    const auto value = co_await self.t_->get(std::move(key), self.snapshot_);
    if (!value) co_return tl::unexpected<Error>(value.error());
    if (!*value) co_return std::optional<std::uint64_t>();
    const auto bits = read_u64_value(**value);
    if (!bits) co_return fail("an aggregate of table {} is damaged: {} bytes", SCHEMA.name, (*value)->size());
    co_return bits;
  }
  static Answer<std::int64_t> total_of(Rows self, std::size_t number, KeyBytes key) {
    const auto bits = co_await aggregate_bits(self, number, std::move(key));
    if (!bits) co_return tl::unexpected<Error>(bits.error());
    co_return static_cast<std::int64_t>(bits->value_or(0));
  }
  template <class Number>
  static Answer<std::optional<Number>> ever_of(Rows self, std::size_t number, KeyBytes key) {
    const auto bits = co_await aggregate_bits(self, number, std::move(key));
    if (!bits) co_return tl::unexpected<Error>(bits.error());
    if (!*bits) co_return std::optional<Number>();
    co_return std::optional<Number>(static_cast<Number>(detail::Signed<Number> ? **bits ^ SIGN_BIT : **bits));
  }

  static Answer<std::vector<RecordChange<SCHEMA>>> changes_of(Rows self, KeyBytes group,
                                                              std::optional<Versionstamp> after,
                                                              std::size_t limit) {
    auto raw_changes = co_await read_changes(*self.t_, std::move(group), after, limit, self.snapshot_);
    if (!raw_changes) co_return tl::unexpected<Error>(raw_changes.error());
    std::vector<RecordChange<SCHEMA>> out;
    for (const RawChange& change : *raw_changes) {
      const auto tuple = unpack(change.packed_key);
      Record record{};
      if (!tuple || !take_members(*tuple, 0, SCHEMA.key, record)) {
        co_return fail("a feed of table {} names a damaged key", SCHEMA.name);
      }
      out.push_back({change.at, change.kind, key_of(record)});
    }
    co_return std::move(out);
  }

  Transaction* t_;
  const TableCore* table_;
  SharedStates states_;
  bool snapshot_ = false;
};

}  // namespace everframe::store::records
