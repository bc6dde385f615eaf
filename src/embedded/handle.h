// Handle: what one fdb_create_database gave out: the database, shared with other handles of its target, and
// this client's own options, which are the defaults of its transactions.
//
// Threads: any.
#pragma once
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "embedded/database.h"
#include "embedded/faults.h"
#include "embedded/options.h"

namespace everframe::embedded {

class Handle {
 public:
  explicit Handle(std::shared_ptr<Database> database, std::string target = {}, const Faults& faults = {})
      : database_(std::move(database)), target_(std::move(target)), dice_(faults) {}

  Database& database() const { return *database_; }
  const std::string& target() const { return target_; }
  FaultDice& dice() { return dice_; }

  // A wrong value is refused here; FoundationDB keeps some of those for the next transaction.
  fdb_error_t set_option(int code, OptionValue value);
  struct Default {
    int option;
    std::optional<std::string> value;
  };
  std::vector<Default> transaction_defaults() const;  // in the order they were set
  int snapshot_sees_writes() const;

  // Counts a watch that is being set, whether or not its transaction has committed yet; false: too many.
  bool reserve_watch(const FutureRef& future);

 private:
  const std::shared_ptr<Database> database_;
  const std::string target_;
  FaultDice dice_;

  mutable std::mutex mutex_;  // guards what follows
  std::vector<Default> defaults_;
  int snapshot_sees_writes_ = 1;
  std::size_t watches_max_ = WATCHES_MAX;
  std::vector<FutureRef> watches_;
};

}  // namespace everframe::embedded
