#include "embedded/watches.h"

namespace everframe::embedded {

bool Watches::reserve(const FutureRef& future) {
  const std::lock_guard lock(mutex_);
  if (reserved_.size() >= WATCHES_MAX) {
    std::erase_if(reserved_, [](const FutureRef& f) { return f->is_ready(); });
    std::erase_if(by_key_, [](const auto& entry) { return entry.second.future->is_ready(); });
    empty_ = by_key_.empty();
    if (reserved_.size() >= WATCHES_MAX) return false;
  }
  reserved_.push_back(future);
  return true;
}

void Watches::fail_all(fdb_error_t code) {
  std::vector<FutureRef> pending;
  {
    const std::lock_guard lock(mutex_);
    pending.swap(reserved_);
    by_key_.clear();
    empty_ = true;
  }
  for (const FutureRef& future : pending) future->send(code);
}

}  // namespace everframe::embedded
