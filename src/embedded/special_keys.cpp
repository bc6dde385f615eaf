// The special keys (FF FF ...) that have an answer here: a transaction's conflict ranges, the conflict that
// refused its commit, and what tools ask of a cluster. FoundationDB's modules are kept: a read stays within
// one, unless an option relaxes that. None may be written.
#include <algorithm>

#include "embedded/errors.h"
#include "embedded/transaction.h"

namespace everframe::embedded {

namespace {

using SpecialRow = std::pair<std::string, std::string>;

constexpr std::string_view CLUSTER_FILE_PATH = "\xff\xff/cluster_file_path";
constexpr std::string_view CONNECTION_STRING = "\xff\xff/connection_string";
constexpr std::string_view STATUS_JSON = "\xff\xff/status/json";
constexpr std::string_view TRANSACTION = "\xff\xff/transaction/";
constexpr std::string_view WORKER_INTERFACES = "\xff\xff/worker_interfaces/";

// The module that `key` lies in, if any. Single keys are modules of their own.
std::optional<KeyRange> module_of(std::string_view key) {
  for (const std::string_view one : {CLUSTER_FILE_PATH, CONNECTION_STRING, STATUS_JSON}) {
    if (key == one) return KeyRange{std::string(one), key_after(one)};
  }
  for (const std::string_view folder : {TRANSACTION, WORKER_INTERFACES}) {
    if (!key.starts_with(folder)) continue;
    std::string end(folder);
    end.back() = '0';  // the character behind the slash
    return KeyRange{std::string(folder), std::move(end)};
  }
  return std::nullopt;
}

constexpr std::string_view STATUS =
    R"({"client":{"database_status":{"available":true,"healthy":true}},)"
    R"("cluster":{"data":{"state":{"healthy":true,"name":"healthy"}},"database_available":true}})";

// `ranges` as FoundationDB tells a set of ranges: "1" at each begin, "0" at each end.
void add_ranges(std::vector<SpecialRow>& rows, std::string_view name, const RangeSet& ranges) {
  const std::string prefix = std::string(TRANSACTION) + std::string(name);
  const auto key = [&prefix](std::string_view place) { return prefix + std::string(place); };
  for (const RangeView& range : ranges.all()) {
    if (!rows.empty() && rows.back().first == key(range.begin)) {
      rows.pop_back();  // it goes on where the one before ended
    } else {
      rows.emplace_back(key(range.begin), "1");
    }
    rows.emplace_back(key(range.end), "0");
  }
}

}  // namespace

// All rows of a module, in order; of all modules, if it is none's begin.
std::vector<SpecialRow> Transaction::special_rows(std::string_view module) const {
  std::vector<SpecialRow> rows;
  const bool all = module.empty();
  if (all || module == CLUSTER_FILE_PATH) rows.emplace_back(CLUSTER_FILE_PATH, handle_->target());
  if (all || module == CONNECTION_STRING) rows.emplace_back(CONNECTION_STRING, handle_->target());
  if (all || module == STATUS_JSON) rows.emplace_back(STATUS_JSON, STATUS);
  if (all || module == TRANSACTION) {
    if (conflicting_ != nullptr) {
      Arena arena;
      RangeSet joined(arena);
      for (const KeyRange& range : *conflicting_) joined.add(range.begin, range.end);
      add_ranges(rows, "conflicting_keys/", joined);
    }
    add_ranges(rows, "read_conflict_range/", written_->read_conflicts);
    add_ranges(rows, "write_conflict_range/", written_->write_conflicts);
  }
  return rows;
}

FutureRef Transaction::get_special(std::string_view key) {
  const std::string end = key_after(key);
  const RangeRequest one{{key, false, 1}, {end, false, 1}, 1, 0, 0, 1, true, false};
  const auto range = get_special_range(one, {1, ReadLimits::UNLIMITED});
  auto [code, value] = range->take();
  if (code != 0) return Future::make_ready(code);
  const Rows& rows = std::get<Future::Range>(value).rows;
  return Future::make_ready(
      0, rows.empty() ? std::optional<std::string>() : std::optional<std::string>(rows.value(0)));
}

FutureRef Transaction::get_special_range(const RangeRequest& request, ReadLimits limits) {
  if (request.limit < 0 || request.target_bytes < 0) return Future::make_ready(error::RANGE_LIMITS_INVALID);
  const std::string_view begin = request.begin.key;
  const std::string_view end = request.end.key;
  if (request.begin.offset >= request.end.offset && begin >= end) {
    return Future::make_ready(0, Future::Range());
  }
  std::string module;  // none: all of them
  if (!options_.special_keys_relaxed) {
    auto found = module_of(begin);
    if (!found) return Future::make_ready(error::SPECIAL_KEYS_NO_MODULE);
    if (end > found->end) return Future::make_ready(error::SPECIAL_KEYS_CROSS_MODULE);
    module = std::move(found->begin);
  }
  const auto rows = special_rows(module);
  // A selector's place: where its key stands among the rows, moved by its offset.
  const auto place = [&](const KeySelector& selector) {
    const auto at = std::lower_bound(rows.begin(), rows.end(), selector, [](const auto& row, const auto& s) {
      return s.or_equal ? row.first <= s.key : row.first < s.key;
    });
    const std::int64_t index = (at - rows.begin()) + selector.offset - 1;
    return std::clamp<std::int64_t>(index, 0, static_cast<std::int64_t>(rows.size()));
  };
  std::int64_t low = place(request.begin);
  std::int64_t high = place(request.end);
  Future::Range out;
  while (low < high && !limits.reached()) {
    const auto& [key, value] = rows[static_cast<std::size_t>(request.reverse ? --high : low++)];
    limits.count(key.size(), value.size());
    out.rows.add(key, value);
  }
  out.more = low < high || limits.reached();
  return Future::make_ready(0, std::move(out));
}

}  // namespace everframe::embedded
