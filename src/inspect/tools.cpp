#include "inspect/tools.h"

#include <fmt/ostream.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>
#include <charconv>

#include "inspect/progress.h"
#include "inspect/scan.h"
#include "inspect/verify.h"
#include "store/world_keys.h"

namespace everframe::inspect {

namespace json = boost::json;

namespace {

// The kind that a key's first elements tell, also of a row that cannot be decoded; nullptr: none.
const char* kind_of(const store::Tuple& key) {
  const auto text_at = [&](std::size_t i) -> std::string {
    const auto* text = i < key.size() ? std::get_if<std::string>(&key[i]) : nullptr;
    return text == nullptr ? std::string() : *text;
  };
  const std::string first = text_at(1);
  if (first == "chunk") return "entity";
  if (first == "region") return text_at(3) == "head" ? "head" : "region";
  if (first == "ledger") return text_at(2) == "total" ? "ledger_total" : "ledger_entry";
  const auto* found = std::find(std::begin(KIND_NAMES), std::end(KIND_NAMES), first);
  return found == std::end(KIND_NAMES) ? nullptr : found->data();
}

json::value key_value(const store::Element& element) {
  if (const auto* text = std::get_if<std::string>(&element)) return json::value(*text);
  if (const auto* bytes = std::get_if<store::ByteString>(&element)) {
    return json::value(fmt::format("{:02x}", fmt::join(bytes_of(bytes->bytes), "")));
  }
  if (const auto* number = std::get_if<store::Integer>(&element)) {
    if (!number->negative) return json::value(number->magnitude);
  }
  return json::value(store::to_text({element}));
}

json::array key_values(const store::Tuple& key) {
  json::array out;
  for (const store::Element& element : key) out.push_back(key_value(element));
  return out;
}

// What a person wrote: digits are a number, all else is text.
store::KeyRange range_of_words(const std::string& world, const std::vector<std::string>& words) {
  store::TuplePacker packer;
  packer.text(world);
  for (const std::string& word : words) {
    std::uint64_t number = 0;
    const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), number);
    if (error == std::errc{} && end == word.data() + word.size()) {
      packer.integer(number);
    } else {
      packer.text(word);
    }
  }
  // The row of just this key too, which range_of leaves out.
  return {packer.key(), store::range_of(packer.key()).end};
}

Task<Result<std::string>> world_of(const Bench& bench) {
  if (!bench.world.empty()) co_return bench.world;
  co_return co_await only_world(bench.database, bench.executor);
}

// Shows how far a scan of `range` is, and ends it when the user wants that.
class Watched {
 public:
  Watched(const Bench& bench, bool shown, std::uint64_t bytes)
      : bench_(bench),
        shown_(shown),
        progress_(bench.progress, bench.executor.clock(), bench.terminal, "rows read", bytes) {}
  ScanWatch watch() {
    return [this](std::uint64_t rows, std::uint64_t bytes) -> Result<void> {
      if (bench_.stopped != nullptr && bench_.stopped()) {
        return fail("stopped after {} rows: what was said so far is not all", rows);
      }
      if (shown_) progress_.at(rows, bytes);
      return {};
    };
  }
  void end() { progress_.end(); }

 private:
  const Bench& bench_;
  const bool shown_;
  Progress progress_;
};

// Only a bar needs it.
Task<std::uint64_t> bytes_to_show(const Bench& bench, store::KeyRange range) {
  if (!bench.terminal) co_return 0;
  co_return co_await bytes_estimate(bench.database, bench.executor, std::move(range));
}

void write_row(const Bench& bench, const View& view, const store::KeyValue& row) {
  const auto read = read_row(row);
  if (!bench.json) {
    fmt::print(bench.out, "{}  {}\n", key_text(row.key),
               read ? json::serialize(view(*read)) : "DAMAGED: " + read.error().text);
    return;
  }
  json::object line;
  if (const auto tuple = store::unpack(row.key)) line["key"] = key_values(*tuple);
  if (read) {
    line["kind"] = KIND_NAMES[read->index()];
    line["record"] = view(*read);
  } else {
    line["damaged"] = read.error().text;
  }
  fmt::print(bench.out, "{}\n", json::serialize(line));
}

}  // namespace

Task<Result<Outcome>> dump(Bench bench, DumpFilter filter) {
  const auto world = co_await world_of(bench);
  if (!world) co_return tl::unexpected<Error>(world.error());
  for (const std::string& kind : filter.kinds) {
    if (std::find(std::begin(KIND_NAMES), std::end(KIND_NAMES), kind) == std::end(KIND_NAMES)) {
      co_return fail("there is no kind \"{}\": there are {}", kind, fmt::join(KIND_NAMES, ", "));
    }
  }
  const View view(bench.content);
  const store::KeyRange range = range_of_words(*world, filter.key);
  const bool shown = !bench.rows_on_screen;
  const std::uint64_t bytes = shown ? co_await bytes_to_show(bench, range) : 0;
  Watched watched(bench, shown, bytes);
  Scan scan(bench.database, bench.executor, range, PAGE_ROWS, watched.watch());
  std::uint64_t written = 0;
  while (written < filter.limit) {
    const auto page = co_await scan.next();
    if (!page) co_return tl::unexpected<Error>(page.error());
    if (page->empty()) break;
    for (const store::KeyValue& row : *page) {
      const auto tuple = store::unpack(row.key);
      const char* kind = tuple ? kind_of(*tuple) : nullptr;
      const bool wanted = filter.kinds.empty() ||
                          (kind != nullptr &&
                           std::find(filter.kinds.begin(), filter.kinds.end(), kind) != filter.kinds.end());
      if (!wanted) continue;
      write_row(bench, view, row);
      if (++written == filter.limit) break;
    }
  }
  if (written == 0 && !filter.key.empty()) {
    co_return fail("no row of world \"{}\" begins with {}", *world, fmt::join(filter.key, " "));
  }
  co_return Outcome::WELL;
}

Task<Result<Outcome>> count(Bench bench) {
  const auto world = co_await world_of(bench);
  if (!world) co_return tl::unexpected<Error>(world.error());
  struct Sum {
    std::uint64_t rows = 0;
    std::uint64_t bytes = 0;
  };
  std::map<std::string, Sum> kinds;
  Sum all;
  const store::KeyRange range = store::WorldKeys(*world).all();
  const std::uint64_t bytes = co_await bytes_to_show(bench, range);
  Watched watched(bench, true, bytes);
  Scan scan(bench.database, bench.executor, range, PAGE_ROWS, watched.watch());
  for (;;) {
    const auto page = co_await scan.next();
    if (!page) co_return tl::unexpected<Error>(page.error());
    if (page->empty()) break;
    for (const store::KeyValue& row : *page) {
      const auto tuple = store::unpack(row.key);
      const char* kind = tuple ? kind_of(*tuple) : nullptr;
      for (Sum* sum : {&kinds[kind == nullptr ? "unknown" : kind], &all}) {
        ++sum->rows;
        sum->bytes += row.key.size() + row.value.size();
      }
    }
  }
  watched.end();
  if (!bench.json)
    fmt::print(bench.out, "world \"{}\"\n{:<14}{:>12}{:>16}\n", *world, "kind", "rows", "bytes");
  json::object report{{"world", *world}};
  kinds["all"] = all;
  for (const auto& [kind, sum] : kinds) {
    report[kind] = {{"rows", sum.rows}, {"bytes", sum.bytes}};
    if (!bench.json && kind != "all")
      fmt::print(bench.out, "{:<14}{:>12}{:>16}\n", kind, sum.rows, sum.bytes);
  }
  if (bench.json) {
    fmt::print(bench.out, "{}\n", json::serialize(report));
  } else {
    fmt::print(bench.out, "{:<14}{:>12}{:>16}\n", "all", all.rows, all.bytes);
  }
  co_return Outcome::WELL;
}

Task<Result<Outcome>> verify_world(Bench bench) {
  const auto world = co_await world_of(bench);
  if (!world) co_return tl::unexpected<Error>(world.error());
  const store::KeyRange range = store::WorldKeys(*world).all();
  const std::uint64_t bytes = co_await bytes_to_show(bench, range);
  Watched watched(bench, true, bytes);
  const auto found = co_await verify(bench.database, bench.executor, *world, bench.content, watched.watch());
  if (!found) co_return tl::unexpected<Error>(found.error());
  watched.end();
  if (bench.json) {
    json::array texts;
    for (const std::string& text : found->texts) texts.push_back(json::value(text));
    const json::object report{{"world", *world},
                              {"entities", found->entities},
                              {"players", found->players},
                              {"frames", found->frames},
                              {"actions", found->actions},
                              {"items", found->items},
                              {"finding_count", found->count},
                              {"findings", std::move(texts)}};
    fmt::print(bench.out, "{}\n", json::serialize(report));
  } else {
    for (const std::string& text : found->texts) fmt::print(bench.out, "{}\n", text);
    fmt::print(bench.out, "world \"{}\": {} entities, {} players, {} frames with {} actions, {} items: {}\n",
               *world, found->entities, found->players, found->frames, found->actions, found->items,
               found->count == 0 ? std::string("whole") : fmt::format("{} findings", found->count));
  }
  co_return found->count == 0 ? Outcome::WELL : Outcome::FOUND;
}

Task<Result<Outcome>> replay_world(Bench bench) {
  EF_ASSERT(bench.content != nullptr);
  const auto world = co_await world_of(bench);
  if (!world) co_return tl::unexpected<Error>(world.error());
  Progress progress(bench.progress, bench.executor.clock(), bench.terminal, "frames replayed");
  std::uint64_t frames = 0;
  WatchFrame watch = [&](const auto&, const auto&, const auto&) { progress.at(++frames); };
  const auto done = co_await replay(bench.database, bench.executor, *world, *bench.content, std::move(watch));
  if (!done) co_return tl::unexpected<Error>(done.error());
  progress.end();
  if (bench.json) {
    json::object report{{"world", *world},
                        {"frames", done->frames},
                        {"inputs", done->inputs},
                        {"rows", done->rows},
                        {"same", !done->difference.has_value()}};
    if (done->difference) report["difference"] = *done->difference;
    fmt::print(bench.out, "{}\n", json::serialize(report));
  } else {
    fmt::print(bench.out, "world \"{}\": {} frames with {} inputs replayed, {} rows compared: {}\n", *world,
               done->frames, done->inputs, done->rows, done->difference.value_or("the same"));
  }
  co_return done->difference ? Outcome::FOUND : Outcome::WELL;
}

Task<Result<Outcome>> tell_history(Bench bench, HistoryFilter filter) {
  EF_ASSERT(bench.content != nullptr);
  const auto world = co_await world_of(bench);
  if (!world) co_return tl::unexpected<Error>(world.error());
  TellDeed tell = [&](const json::object& deed) {
    if (bench.json) return fmt::print(bench.out, "{}\n", json::serialize(deed));
    std::string line;
    for (const auto& [key, value] : deed) {
      line += fmt::format("{}{}={}", line.empty() ? "" : " ", std::string_view(key), json::serialize(value));
    }
    fmt::print(bench.out, "{}\n", line);
  };
  WatchFrame watch = history(filter, View(bench.content), std::move(tell));
  const auto done = co_await replay(bench.database, bench.executor, *world, *bench.content, std::move(watch));
  if (!done) co_return tl::unexpected<Error>(done.error());
  if (done->difference) {
    co_return fail("history ends where replay does not come out as stored: {}", *done->difference);
  }
  co_return Outcome::WELL;
}

}  // namespace everframe::inspect
