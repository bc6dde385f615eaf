#include "store/guards.h"

#include "store/world_keys.h"

namespace everframe::store {

Task<Result<bool>> once(Transaction& t, std::string mark) {
  const auto done = co_await t.get(mark);
  if (!done) co_return tl::unexpected<Error>(done.error());
  if (*done) co_return false;
  t.set(mark, "");
  co_return true;
}

Task<Result<void>> fence(Transaction& t, std::string lease, std::uint64_t epoch) {
  const auto value = co_await t.get(std::move(lease));
  if (!value) co_return tl::unexpected<Error>(value.error());
  const auto now = read_u64_value(value->value_or(""));
  if (now == epoch) co_return Result<void>{};
  co_return fail("the lease is lost: its epoch is {}, not {}", now ? std::to_string(*now) : "none", epoch);
}

}  // namespace everframe::store
