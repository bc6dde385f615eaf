// Table<SCHEMA>: a typed table in the store, see schema.h for how it is described and docs/records.md for a
// guide.
//
//   records::Table<THINGS> things(world);                       // a Subspace, e.g. of a directory
//   co_await things.prepare(database, executor);                // once, before its use: header, evolution
//   co_await database.run<...>(executor, [&](Transaction& t) -> Task<Result<...>> {
//     auto rows = co_await things.in(t);
//     ...
//     co_await rows->insert(thing);
//   });
//
// Threads: belongs to one executor. Ownership: outlives its Rows and what is awaited of it.
#pragma once
#include "store/records/build.h"
#include "store/records/rows.h"

namespace everframe::store::records {

// What a scan over many transactions did.
struct Scanned {
  std::size_t rows = 0;
  std::size_t transactions = 0;
};

template <const auto& SCHEMA>
class Table {
 public:
  using Record = RecordOf<SCHEMA>;

  explicit Table(const Subspace& home) : core_(home, shape()) {}

  // Writes the header of a new table; brings that of an old one up to this schema, or says why that must not
  // be. New indexes of a table with records are then to be built.
  Task<Result<void>> prepare(Database& database, platform::Executor& executor) const {
    return core_.prepare(database, executor);
  }
  Task<Result<Rows<SCHEMA>>> in(Transaction& t) const {
    auto states = co_await core_.states(t);
    if (!states) co_return tl::unexpected<Error>(states.error());
    co_return Rows<SCHEMA>(t, core_, std::move(*states));
  }

  template <Name NAME>
  requires(detail::INDEX_NUMBER<SCHEMA, NAME> != NO_POSITION) IndexBuild
      build(Database& database, platform::Executor& executor, std::uint64_t builder,
            BuildOptions options = {})
  const { return IndexBuild(core_, database, executor, std::string(NAME.view()), builder, options); }

  // Calls `use` with each record of a query of any size, over as many transactions as it takes, each within
  // options.rows_max rows and options.bytes_max bytes. What `use` is given is consistent within a transaction
  // only. False from `use` ends it.
  template <class... Terms>
  requires Indexed<SCHEMA, Terms...> Task<Result<Scanned>> each(Database& database,
                                                                platform::Executor& executor,
                                                                Function<bool(Record)> use,
                                                                ScanOptions options, Terms... terms)
  const {
    if (options.rows_max == 0) options.rows_max = EACH_ROWS;
    if (options.bytes_max == 0) options.bytes_max = EACH_BYTES;
    Scanned out;
    std::optional<Transaction> t(database.begin(executor));
    for (bool more = true; more; ++out.transactions) {
      auto went = co_await some(*t, use, options, out.rows, terms...);
      if (went) {
        more = *went;
        t.emplace(database.begin(executor));
        continue;
      }
      if (went.error().code == 0) co_return tl::unexpected<Error>(went.error());
      // Too old, or some other trouble: on from the last record that was used.
      if (auto again = co_await t->on_error(went.error()); !again)
        co_return tl::unexpected<Error>(again.error());
    }
    co_return out;
  }

  const TableCore& core() const { return core_; }

 private:
  static constexpr std::size_t EACH_ROWS = 10'000;
  static constexpr std::size_t EACH_BYTES = 1'000'000;

  static Result<Derived> derive_from(const Layout& layout, std::string_view packed_key,
                                     std::string_view body) {
    const auto record = read_record<SCHEMA>(packed_key, body);
    if (!record) return tl::unexpected(record.error());
    return derive<SCHEMA>(layout, packed_key, *record);
  }
  static TableShape shape() {
    return {std::string(SCHEMA.name), describe(SCHEMA), SCHEMA.style, &derive_from};
  }

  // One transaction of each(): moves options.continuation on. True: there is more.
  template <class... Terms>
  Task<Result<bool>> some(Transaction& t, const Function<bool(Record)>& use, ScanOptions& options,
                          std::size_t& rows, const Terms&... terms) const {
    const auto here = co_await in(t);
    if (!here) co_return tl::unexpected<Error>(here.error());
    auto cursor = here->scan(options, terms...);
    for (;;) {
      auto record = co_await cursor.next();
      if (!record) co_return tl::unexpected<Error>(record.error());
      options.continuation = cursor.continuation();
      if (!*record) co_return !cursor.is_finished();
      ++rows;
      if (!use(std::move(**record))) co_return false;
    }
  }

  const TableCore core_;
};

}  // namespace everframe::store::records
