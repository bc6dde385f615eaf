#include "inspect/scan.h"

#include "inspect/rows.h"
#include "store/world_keys.h"

namespace everframe::inspect {

using Page = store::KeyValues;

Task<Result<Page>> Scan::next() {
  if (ended_) co_return Page{};
  const store::KeyRange range = range_;
  const store::RangeOptions options{page_rows_, false, true};
  Function<Task<Result<Page>>(store::Transaction&)> body =
      [&range, &options](store::Transaction& transaction) -> Task<Result<Page>> {
    return transaction.get_range(range, options);
  };
  auto page = co_await database_.run<Page>(executor_, std::move(body));
  if (!page) co_return page;
  ended_ = page->size() < page_rows_;
  if (!page->empty()) range_.begin = std::string(page->back().key) + '\0';
  rows_ += page->size();
  for (const store::KeyValue& row : *page) bytes_ += row.key.size() + row.value.size();
  if (watch_) {
    if (auto watched = watch_(rows_, bytes_); !watched) co_return tl::unexpected<Error>(watched.error());
  }
  co_return page;
}

Task<std::uint64_t> bytes_estimate(store::Database& database, platform::Executor& executor,
                                   store::KeyRange range) {
  store::Transaction t = database.begin(executor);
  const auto bytes = co_await t.estimated_bytes(std::move(range));
  co_return bytes&&* bytes > 0 ? static_cast<std::uint64_t>(*bytes) : 0;
}

Task<Result<std::string>> only_world(store::Database& database, platform::Executor& executor) {
  constexpr std::size_t WORLDS_SHOWN = 10;
  std::vector<std::string> names;
  std::string begin;
  while (names.size() < WORLDS_SHOWN) {
    const store::KeyRange range{begin, "\xff"};
    Scan scan(database, executor, range, 1);
    const auto row = co_await scan.next();
    if (!row) co_return tl::unexpected<Error>(row.error());
    if (row->empty()) break;
    const auto tuple = store::unpack(row->front().key);
    const auto* name = tuple && !tuple->empty() ? std::get_if<std::string>(&tuple->front()) : nullptr;
    if (name == nullptr) co_return fail("{} is no row of a world", key_text(row->front().key));
    names.push_back(*name);
    begin = store::WorldKeys(*name).all().end;
  }
  if (names.empty()) co_return fail("the store is empty: there is no world in it");
  if (names.size() == 1) co_return names.front();
  std::string list;
  for (const std::string& name : names) list += (list.empty() ? "" : ", ") + name;
  co_return fail("the store holds several worlds: say which with --world: {}", list);
}

}  // namespace everframe::inspect
