// The transactions that have a mark happened, in the order of their marks. One after the other they are made
// again on a map: each read must find there what it was answered. Those without a mark that only read, or
// were refused, must have seen the map as it was at one moment, at or after the last commit that had been
// acknowledged when they began. Within that order the region's rows tell who owned it and which frame came.
#include <algorithm>
#include <list>

#include "checkers/checkers.h"
#include "region/records.h"

namespace everframe::sim {

namespace {

using Operation = StoreHistory::Operation;
using Attempt = StoreHistory::Attempt;
using Fate = StoreHistory::Fate;

std::string shown(const std::string& key) {
  std::string out;
  for (const char c : key)
    out += c >= ' ' && c < 127 ? std::string(1, c) : fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
  return out;
}

bool same(const Operation& read, const Content& content) {
  if (!read.answered) return true;
  if (read.kind == Operation::Kind::GET) {
    const auto found = content.find(read.key);
    return found == content.end() ? !read.value : read.value == found->second;
  }
  const auto begin = content.lower_bound(read.key);
  const auto end = content.lower_bound(read.other);
  const auto fits = [&read](auto from, auto to) {
    std::size_t n = 0;
    for (; from != to && n < read.rows.size(); ++from, ++n) {
      if (from->first != read.rows[n].first || from->second != read.rows[n].second) return false;
    }
    const bool cut = read.more || (read.limit > 0 && n == static_cast<std::size_t>(read.limit));
    return n == read.rows.size() && (from == to || cut);
  };
  return read.reverse ? fits(std::make_reverse_iterator(end), std::make_reverse_iterator(begin))
                      : fits(begin, end);
}

void write(const Operation& op, Content& content) {
  if (op.kind == Operation::Kind::SET) {
    content[op.key] = op.other;
  } else if (op.kind == Operation::Kind::CLEAR_RANGE) {
    if (op.key < op.other) content.erase(content.lower_bound(op.key), content.lower_bound(op.other));
  } else if (op.kind == Operation::Kind::ADD) {
    std::string& value = content[op.key];
    value.resize(op.other.size());
    unsigned carry = 0;
    for (std::size_t i = 0; i < value.size(); ++i) {
      const unsigned sum =
          static_cast<unsigned char>(value[i]) + static_cast<unsigned char>(op.other[i]) + carry;
      value[i] = static_cast<char>(sum & 0xff);
      carry = sum >> 8;
    }
  }
}

class History {
 public:
  History(const StoreHistory& history, const Content& stored, const store::WorldKeys& keys, Findings& out)
      : history_(history),
        report_(out, "history"),
        region_(keys.region(RegionId{1})),
        head_(keys.region_head(RegionId{1})),
        inputs_(keys.inputs(RegionId{1})) {
    for (const auto& [key, value] : stored) {
      if (key.starts_with(MARKS)) {
        marks_.emplace(key, value);
      } else {
        final_.emplace(key, value);
      }
    }
  }

  void check() {
    sort_by_marks();
    for (std::size_t position = 0;; ++position) {
      look_on(position);
      if (position == order_.size()) break;
      redo(*order_[position]);
    }
    for (const Reader& reader : readers_)
      report_("transaction {} of client {} ({}) saw what the store never held", reader.attempt->number,
              reader.attempt->client,
              reader.attempt->operations.empty() ? "" : shown(reader.attempt->operations.front().key));
    if (content_ != final_) {
      for (const auto& [key, value] : final_) {
        const auto found = content_.find(key);
        if (found == content_.end() || found->second != value)
          report_("the store holds {}, its transactions do not make it so", shown(key));
      }
      for (const auto& [key, value] : content_) {
        if (!final_.contains(key)) report_("{} was written and is not in the store", shown(key));
      }
    }
  }

 private:
  struct Reader {
    const Attempt* attempt;
    std::size_t earliest;  // how many transactions had happened, at least
  };

  void sort_by_marks() {
    std::vector<std::pair<std::string, const Attempt*>> stamped;
    for (const Attempt& attempt : history_.attempts()) {
      const auto mark = marks_.find(StoreHistory::mark_of(attempt.number));
      const bool happened = mark != marks_.end();
      if (attempt.fate == Fate::COMMITTED && attempt.writes && !happened)
        report_("transaction {} of client {} was acknowledged and is lost", attempt.number, attempt.client);
      if (attempt.fate == Fate::REFUSED && happened)
        report_("transaction {} of client {} was refused and has happened", attempt.number, attempt.client);
      if (happened) stamped.emplace_back(mark->second, &attempt);
    }
    std::sort(stamped.begin(), stamped.end());
    std::vector<std::pair<std::uint64_t, std::size_t>> acknowledged;  // moment, position behind it
    for (const auto& [stamp, attempt] : stamped) {
      order_.push_back(attempt);
      if (attempt->fate == Fate::COMMITTED) acknowledged.emplace_back(attempt->answered, order_.size());
    }
    std::sort(acknowledged.begin(), acknowledged.end());
    // The latest position among those acknowledged up to each moment.
    for (std::size_t i = 1; i < acknowledged.size(); ++i)
      acknowledged[i].second = std::max(acknowledged[i].second, acknowledged[i - 1].second);
    const auto earliest = [&acknowledged](const Attempt& attempt) -> std::size_t {
      const auto after = std::lower_bound(acknowledged.begin(), acknowledged.end(),
                                          std::pair(attempt.begun, std::size_t{0}));
      return after == acknowledged.begin() ? 0 : std::prev(after)->second;
    };
    for (std::size_t i = 0; i < order_.size(); ++i) {
      if (i < earliest(*order_[i]))
        report_("transaction {} happened before one that had been acknowledged when it began",
                order_[i]->number);
    }
    for (const Attempt& attempt : history_.attempts()) {
      if (marks_.contains(StoreHistory::mark_of(attempt.number))) continue;
      const auto answered = [](const Operation& op) { return op.reads() && op.answered; };
      if (!std::any_of(attempt.operations.begin(), attempt.operations.end(), answered)) continue;
      later_.push_back({&attempt, earliest(attempt)});
    }
    later_.sort([](const Reader& a, const Reader& b) { return a.earliest < b.earliest; });
  }

  // Those that have no place of their own: does the moment fit what they saw? Their own writes hide the rest.
  void look_on(std::size_t position) {
    while (!later_.empty() && later_.front().earliest <= position)
      readers_.splice(readers_.end(), later_, later_.begin());
    std::erase_if(readers_, [this](const Reader& reader) {
      for (const Operation& op : reader.attempt->operations) {
        if (!op.reads()) break;
        if (!same(op, content_)) return false;
      }
      return true;
    });
  }

  void redo(const Attempt& attempt) {
    bool looked_at_owner = false;
    bool takes_over = false;
    bool needs_owner = false;
    for (const Operation& op : attempt.operations) {
      if (op.reads()) {
        if (op.key == region_ && op.answered) looked_at_owner = true;
        if (!op.snapshot && !same(op, content_))
          report_("transaction {} of client {} read {} otherwise than those before it left it",
                  attempt.number, attempt.client, shown(op.key));
        continue;
      }
      if (op.kind == Operation::Kind::SET && op.key == region_) takes_over = true;
      if (op.kind == Operation::Kind::SET && op.key == head_) {
        needs_owner = true;
        check_frame(attempt, op.other);
      }
      if (op.kind == Operation::Kind::SET && op.key >= inputs_.begin && op.key < inputs_.end)
        needs_owner = true;
      write(op, content_);
    }
    if (takes_over) {
      owner_ = &attempt;
    } else if (needs_owner) {
      check_owner(attempt, looked_at_owner);
    }
  }

  // Who writes a frame or the queue must be who took the region last, and have known that it had.
  void check_owner(const Attempt& attempt, bool looked) {
    if (!looked)
      report_("transaction {} wrote to the region and did not look at who owns it", attempt.number);
    if (owner_ == nullptr)
      return report_("transaction {} wrote to a region that nobody owns", attempt.number);
    const bool knew = owner_->fate == Fate::COMMITTED && owner_->answered < attempt.begun;
    if (owner_->client != attempt.client || !knew)
      report_("transaction {} of client {} wrote to the region, which client {} had taken by transaction {}",
              attempt.number, attempt.client, owner_->client, owner_->number);
  }

  void check_frame(const Attempt& attempt, const std::string& bytes) {
    const auto head = region::read_head(bytes);
    if (!head) return report_("transaction {}: {}", attempt.number, head.error().text);
    if (raw(head->frame) != 0 && head->frame != next(frame_))
      report_("transaction {} wrote frame {} after frame {}", attempt.number, raw(head->frame), raw(frame_));
    frame_ = head->frame;
  }

  const StoreHistory& history_;
  Report report_;
  const std::string region_;
  const std::string head_;
  const store::KeyRange inputs_;
  Content marks_;
  Content final_;
  std::vector<const Attempt*> order_;
  std::list<Reader> later_;
  std::list<Reader> readers_;
  Content content_;
  const Attempt* owner_ = nullptr;
  FrameNo frame_{};
};

}  // namespace

void check_history(const StoreHistory& history, const Content& stored, const store::WorldKeys& keys,
                   Findings& out) {
  History(history, stored, keys, out).check();
}

}  // namespace everframe::sim
