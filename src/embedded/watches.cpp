#include "embedded/watches.h"

#include <algorithm>

namespace everframe::embedded {

void Watches::sweep() {
  std::erase_if(by_key_, [](const auto& entry) { return entry.second.future->is_ready(); });
  sweep_at_ = std::max<std::size_t>(64, 2 * by_key_.size());
}

void Watches::fail_all(fdb_error_t code) {
  std::multimap<std::string, Waiting, std::less<>> pending;
  {
    const std::lock_guard lock(mutex_);
    pending.swap(by_key_);
    empty_ = true;
  }
  for (const auto& [key, waiting] : pending) waiting.future->send(code);
}

}  // namespace everframe::embedded
