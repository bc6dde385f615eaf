#include "region/ownership.h"

#include "base/planted.h"

namespace everframe::region {

Task<Result<bool>> owns(store::Transaction& transaction, const store::WorldKeys& keys, RegionId region,
                        std::uint64_t epoch, bool snapshot) {
  const store::KeyBytes key = keys.region(region);
  const auto row = co_await transaction.get(key, snapshot);
  if (!row) co_return tl::unexpected<Error>(row.error());
  const auto ownership = *row ? read_ownership(**row) : fail("it is gone");
  co_return is_planted(Planted::STALE_OWNER) || (ownership && ownership->epoch == epoch);
}

}  // namespace everframe::region
