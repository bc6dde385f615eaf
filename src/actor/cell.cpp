#include "actor/cell.h"

#include <exception>

#include "base/log.h"

namespace everframe::actor {

void Cell::crash(const char* what) {
  try {
    throw;
  } catch (const std::exception& failure) {
    finish({true, failure.what(), what, 0});
  } catch (...) {
    finish({true, "an exception of unknown type", what, 0});
  }
}

void Cell::watch(Function<void(const Ending&)> told) {
  at_home([told = std::move(told)](Cell& cell) mutable {
    if (!cell.running()) return told({true, "it does not run", {}, 0});
    if (!cell.watchers_) cell.watchers_ = std::make_unique<std::vector<Function<void(const Ending&)>>>();
    cell.watchers_->push_back(std::move(told));
  });
}

void Cell::tell_watchers(const Ending& ending) {
  const auto watchers = std::move(watchers_);
  if (!watchers) return;
  for (const auto& told : *watchers) told(ending);
}

void Cell::tell_overseer(std::uint64_t incarnation, const Ending& ending) {
  if (overseers_home_ == nullptr) return;
  overseers_home_->post([overseer = overseer_, number = number_, incarnation, ending] {
    if (const auto told = overseer.lock()) told->child_ended(number, incarnation, ending);
  });
}

void Cell::name_hog(Duration took) const {
  log::warn("actor {} kept its executor for {} ms", name_, took.count() / 1'000);
}

std::string Cell::overrun_text(Duration took, Duration allowed) {
  return fmt::format("a message took {} us, it may take {}", took.count(), allowed.count());
}

namespace {

// If `one` crashes, so does the life that `other` has now.
void crash_with(const std::shared_ptr<Cell>& one, const std::shared_ptr<Cell>& other) {
  other->at_home([one](Cell& tied) {
    if (!tied.running()) return;
    one->watch(
        [weak = tied.weak_from_this(), life = tied.incarnation(), name = one->name()](const Ending& ending) {
          const auto to = weak.lock();
          if (!to || !ending.crashed) return;
          to->at_home([life, text = name + " crashed: " + ending.reason](Cell& cell) {
            if (cell.running() && cell.incarnation() == life) cell.finish({true, text, "link", 0});
          });
        });
  });
}

}  // namespace

void link(const std::shared_ptr<Cell>& one, const std::shared_ptr<Cell>& other) {
  crash_with(one, other);
  crash_with(other, one);
}

}  // namespace everframe::actor
