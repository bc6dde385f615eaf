// Watches: who waits for which key to differ from which value. A watch fires once, when a commit leaves its
// key with another value than it was set with (a change and a change back between two commits' checks is
// missed, as in FoundationDB). Cancelled ones leave when the map is next swept.
//
// Threads: any. Limit: each handle's (handle.h), WATCHES_MAX unless its option says otherwise.
#pragma once
#include <atomic>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "embedded/future.h"

namespace everframe::embedded {

inline constexpr std::size_t WATCHES_MAX = 10'000;  // FoundationDB's default for one database handle

struct Watch {
  std::string key;
  std::optional<std::string> expected;
  FutureRef future;
};

class Watches {
 public:
  // Gives the watch its place, unless `differs(watch)`, asked under the lock, says that it has come true.
  template <class Differs>
  void add(Watch watch, Differs differs) {
    std::unique_lock lock(mutex_);
    if (watch.future->is_ready()) return;
    if (!differs(watch)) {
      if (by_key_.size() >= sweep_at_) sweep();
      by_key_.emplace(std::move(watch.key), Waiting{std::move(watch.expected), std::move(watch.future)});
      empty_ = false;
      return;
    }
    lock.unlock();
    watch.future->send(0);
  }

  bool empty() const { return empty_; }

  // Takes out the watches of [begin, end) whose expected value is not `value_of(key)`; fire them outside of
  // locks.
  template <class ValueOf>
  void collect(std::string_view begin, std::string_view end, ValueOf value_of,
               std::vector<FutureRef>& fired) {
    const std::lock_guard lock(mutex_);
    for (auto at = by_key_.lower_bound(begin); at != by_key_.end() && at->first < end;) {
      if (!at->second.future->is_ready() && value_of(at->first) == at->second.expected) {
        ++at;
        continue;
      }
      fired.push_back(std::move(at->second.future));
      at = by_key_.erase(at);
    }
    empty_ = by_key_.empty();
  }

  void fail_all(fdb_error_t code);

 private:
  struct Waiting {
    std::optional<std::string> expected;
    FutureRef future;
  };
  void sweep();  // of those that were cancelled, once they may be half of all

  std::mutex mutex_;
  std::atomic<bool> empty_{true};
  std::multimap<std::string, Waiting, std::less<>> by_key_;
  std::size_t sweep_at_ = 64;
};

}  // namespace everframe::embedded
