// Transaction's questions about the database's shape: addresses, sizes, split points. They see the database
// as it is now, not at the read version, and not this transaction's writes. A size is an estimate beyond a
// few rows, as FoundationDB's is; split points are counted, so of a large range they come later, from a
// thread that nobody waits for.
#include "embedded/errors.h"
#include "embedded/transaction.h"

namespace everframe::embedded {

namespace {

// What is read of a range at once: while the caller waits, and in the background.
constexpr std::int64_t FIRST_BYTES = 100'000;
constexpr std::int64_t SLICE_BYTES = 1 << 20;  // about 3 ms

// Cuts a range into parts of about `chunk_bytes`, counting its rows slice by slice, each as of its own time:
// a large range takes longer than versions live.
class Splitter {
 public:
  Splitter(std::string_view begin, std::string_view end, std::int64_t chunk_bytes)
      : begin_(begin), end_(end), chunk_bytes_(chunk_bytes), points_{{begin_}} {}

  // True: it has come to the end.
  Result<bool> go_on(Database& database, std::int64_t bytes_max) {
    Rows rows;
    ReadLimits limits{ReadLimits::UNLIMITED, bytes_max};
    const auto more = database.storage().range(begin_, end_, database.read_version(), false, limits, rows);
    if (!more) return more;
    for (std::size_t i = 0; i < rows.size(); ++i) {
      if (chunk_bytes_ > 0 && bytes_ >= chunk_bytes_) {
        points_.keys.emplace_back(rows.key(i));
        bytes_ = 0;
      }
      bytes_ += static_cast<std::int64_t>(rows.key(i).size() + rows.value(i).size());
    }
    if (!*more || rows.empty()) return true;
    begin_ = key_after(rows.key(rows.size() - 1));
    return false;
  }
  Future::Keys take_points() {
    if (points_.keys.back() != end_) points_.keys.push_back(end_);
    return std::move(points_);
  }

 private:
  std::string begin_;
  const std::string end_;
  const std::int64_t chunk_bytes_;
  std::int64_t bytes_ = 0;
  Future::Keys points_;
};

}  // namespace

// One process serves every key.
FutureRef Transaction::addresses_for_key() {
  if (const fdb_error_t code = check()) return Future::make_ready(code);
  return Future::make_ready(0, Future::Strings{{"127.0.0.1:4500"}});
}

FutureRef Transaction::estimated_bytes(std::string_view begin, std::string_view end) {
  if (begin > end) return Future::make_ready(error::INVERTED_RANGE);
  if (const fdb_error_t code = check()) return Future::make_ready(code);
  const auto bytes = database_.storage().bytes_estimate(begin, end, database_.read_version());
  if (!bytes) return Future::make_ready(bytes.error().code);
  return Future::make_ready(0, *bytes);
}

FutureRef Transaction::split_points(std::string_view begin, std::string_view end, std::int64_t chunk_bytes) {
  if (begin > end) return Future::make_ready(error::INVERTED_RANGE);
  if (const fdb_error_t code = check()) return Future::make_ready(code);
  if (begin > max_read_key() || end > max_read_key()) {
    return Future::make_ready(error::KEY_OUTSIDE_LEGAL_RANGE);
  }
  auto splitter = std::make_shared<Splitter>(begin, end, chunk_bytes);
  const auto counted = splitter->go_on(database_, FIRST_BYTES);
  if (!counted) return Future::make_ready(counted.error().code);
  if (*counted) return Future::make_ready(0, splitter->take_points());
  auto future = Future::make();
  generation_->add(future);
  // Nobody may want the answer any more: the transaction was reset, or the caller let go of the future.
  database_.in_slices([database = &database_, splitter, weak = std::weak_ptr<Future>(future)] {
    const auto wanted = weak.lock();
    if (wanted == nullptr || wanted->is_ready()) return false;
    const auto done = splitter->go_on(*database, SLICE_BYTES);
    if (done && !*done) return true;
    done ? wanted->send(0, splitter->take_points()) : wanted->send(done.error().code);
    return false;
  });
  return future;
}

}  // namespace everframe::embedded
