#include "actor/registry.h"

#include <algorithm>

namespace everframe::actor {

ActorId Registry::add(ActorId parent, std::string name, std::weak_ptr<Cell> cell) {
  const std::lock_guard lock(mutex_);
  last_ = ActorId{static_cast<std::uint64_t>(last_) + 1};
  by_name_.emplace(name, last_);
  const bool is_actor = !cell.expired();
  rows_.emplace(last_, Row{parent, std::move(name), std::move(cell), is_actor});
  return last_;
}

void Registry::remove(ActorId id) {
  const std::lock_guard lock(mutex_);
  const auto row = rows_.find(id);
  if (row == rows_.end()) return;
  const auto [begin, end] = by_name_.equal_range(row->second.name);
  by_name_.erase(std::find_if(begin, end, [&](const auto& named) { return named.second == id; }));
  rows_.erase(row);
}

void Registry::report(std::string name, Time at, Ending ending) {
  const std::lock_guard lock(mutex_);
  if (reports_.size() == REPORTS_KEPT) reports_.pop_front();
  reports_.push_back({std::move(name), at, std::move(ending)});
}

std::shared_ptr<Cell> Registry::cell(const std::string& name) const {
  const std::lock_guard lock(mutex_);
  const auto [begin, end] = by_name_.equal_range(name);
  for (auto named = begin; named != end; ++named) {
    if (auto cell = rows_.at(named->second).cell.lock()) return cell;
  }
  return nullptr;
}

std::shared_ptr<Cell> Registry::cell(ActorId id) const {
  const std::lock_guard lock(mutex_);
  const auto row = rows_.find(id);
  return row == rows_.end() ? nullptr : row->second.cell.lock();
}

ActorId Registry::id(const std::string& name) const {
  const std::lock_guard lock(mutex_);
  const auto [begin, end] = by_name_.equal_range(name);
  const auto named = std::find_if(begin, end, [&](const auto& one) { return rows_.at(one.second).is_actor; });
  return named == end ? ActorId{} : named->second;
}

std::vector<Registry::Entry> Registry::list() const {
  std::vector<Entry> out;
  std::vector<std::shared_ptr<Cell>> cells;  // a cell may end here: not under the lock
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [id, row] : rows_) {
      auto cell = row.cell.lock();
      if (row.is_actor && !cell) continue;
      out.push_back({id, row.parent, row.name, row.is_actor, {}});
      cells.push_back(std::move(cell));
    }
  }
  for (std::size_t i = 0; i < out.size(); ++i) {
    if (cells[i]) out[i].figures = cells[i]->figures();
  }
  return out;
}

std::vector<Registry::Report> Registry::reports() const {
  const std::lock_guard lock(mutex_);
  return {reports_.begin(), reports_.end()};
}

}  // namespace everframe::actor
