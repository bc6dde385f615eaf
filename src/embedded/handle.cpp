#include "embedded/handle.h"

#include <algorithm>

#include "embedded/errors.h"

namespace everframe::embedded {

fdb_error_t Handle::set_option(int code, OptionValue value) {
  const OptionRule* rule = find_option(database_options(), code);
  if (rule == nullptr) return error::INVALID_OPTION;
  if (const fdb_error_t refused = check_option_value(*rule, value)) return refused;
  const std::lock_guard lock(mutex_);
  if (rule->default_for >= 0) {
    std::erase_if(defaults_, [&](const Default& old) { return old.option == rule->default_for; });
    defaults_.push_back(
        {rule->default_for, value ? std::optional<std::string>(*value) : std::optional<std::string>()});
    return error::SUCCESS;
  }
  switch (code) {
    case option::DATABASE_MAX_WATCHES:
      watches_max_ = static_cast<std::size_t>(integer_of(*value));
      break;
    case option::DATABASE_SNAPSHOT_RYW_ENABLE:
      ++snapshot_sees_writes_;
      break;
    case option::DATABASE_SNAPSHOT_RYW_DISABLE:
      --snapshot_sees_writes_;
      break;
    default:
      break;
  }
  return error::SUCCESS;
}

std::vector<Handle::Default> Handle::transaction_defaults() const {
  const std::lock_guard lock(mutex_);
  return defaults_;
}

int Handle::snapshot_sees_writes() const {
  const std::lock_guard lock(mutex_);
  return snapshot_sees_writes_;
}

bool Handle::reserve_watch(const FutureRef& future) {
  const std::lock_guard lock(mutex_);
  if (watches_.size() >= watches_max_) {
    std::erase_if(watches_, [](const FutureRef& f) { return f->is_ready(); });
    if (watches_.size() >= watches_max_) return false;
  }
  watches_.push_back(future);
  return true;
}

}  // namespace everframe::embedded
