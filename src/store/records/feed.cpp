#include "store/records/feed.h"

namespace everframe::store::records {

namespace {

KeyBytes behind(const KeyBytes& group, const Versionstamp& at) {
  return std::move(TuplePacker(group).versionstamp(at)).key() + '\0';
}

Result<RawChange> read_change(const KeyBytes& group, const KeyValue& row) {
  const auto tuple = unpack(row.key.substr(group.size()));
  if (!tuple) return tl::unexpected(tuple.error());
  const auto* at = tuple->size() == 1 ? std::get_if<Versionstamp>(&tuple->front()) : nullptr;
  const auto kind = row.value.empty() ? 0 : static_cast<std::uint8_t>(row.value[0]);
  if (at == nullptr || kind < static_cast<int>(ChangeKind::INSERTED) ||
      kind > static_cast<int>(ChangeKind::PUT)) {
    return fail("a feed's line is damaged: {}", to_text(*tuple));
  }
  return RawChange{*at, static_cast<ChangeKind>(kind), row.value.substr(1)};
}

}  // namespace

Task<Result<std::vector<RawChange>>> read_changes(Transaction& t, KeyBytes group,
                                                  std::optional<Versionstamp> after, std::size_t limit,
                                                  bool snapshot) {
  KeyRange range = range_of(group);
  if (after) range.begin = behind(group, *after);
  const RangeOptions options{limit, false, snapshot};
  const auto rows = co_await t.get_range(range, options);
  if (!rows) co_return tl::unexpected<Error>(rows.error());
  std::vector<RawChange> out;
  for (const KeyValue& row : *rows) {
    auto change = read_change(group, row);
    if (!change) co_return tl::unexpected<Error>(change.error());
    out.push_back(std::move(*change));
  }
  co_return out;
}

void trim_changes(Transaction& t, const KeyBytes& group, const Versionstamp& last) {
  t.clear(KeyRange{range_of(group).begin, behind(group, last)});
}

}  // namespace everframe::store::records
