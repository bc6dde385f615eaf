#include "store/guards.h"

#include "base/started.h"
#include "store/world_keys.h"

namespace everframe::store {

Task<Result<bool>> once(Transaction& t, KeyBytes mark) {
  const auto done = co_await t.get(mark);
  if (!done) co_return tl::unexpected<Error>(done.error());
  if (*done) co_return false;
  t.set(mark, "");
  co_return true;
}

Task<Result<void>> fence(Transaction& t, KeyBytes lease, std::uint64_t epoch) {
  const auto value = co_await t.get(std::move(lease));
  if (!value) co_return tl::unexpected<Error>(value.error());
  const auto now = read_u64_value(value->value_or(""));
  if (now == epoch) co_return Result<void>{};
  co_return fail("the lease is lost: its epoch is {}, not {}", now ? std::to_string(*now) : "none", epoch);
}

KeyBytes Requests::key_of(std::uint64_t sender, std::uint64_t number) const {
  return std::move(home_.packer().integer(sender).integer(number)).key();
}
KeyBytes Requests::last_of(std::uint64_t sender) const {
  return std::move(home_.packer().integer(sender)).key();
}

Task<Result<std::optional<std::string>>> Requests::answer_to(Transaction& t, std::uint64_t sender,
                                                             std::uint64_t number) const {
  // The last one is read without a conflict: requests of one sender may be done at the same time.
  Started<Result<std::optional<std::string>>> asked_last(t.get(last_of(sender), true));
  auto answer = co_await t.get(key_of(sender, number));
  const auto last = co_await std::move(asked_last);
  if (!answer || *answer) co_return answer;
  if (!last) co_return tl::unexpected<Error>(last.error());
  const std::uint64_t highest = read_u64_value(last->value_or("")).value_or(0);
  if (*last && highest >= kept_ && number <= highest - kept_) {
    co_return fail("request {} of sender {} is older than the last {}: its answer is forgotten", number,
                   sender, kept_);
  }
  co_return answer;
}

void Requests::answer(Transaction& t, std::uint64_t sender, std::uint64_t number,
                      std::string_view text) const {
  t.set(key_of(sender, number), text);
  t.atomic(AtomicOp::MAX, last_of(sender), u64_value(number));
  if (number < kept_) return;
  t.clear(KeyRange{range_of(last_of(sender)).begin, key_of(sender, number - kept_) + '\0'});
}

void Requests::forget(Transaction& t, std::uint64_t sender) const {
  t.clear(last_of(sender));
  t.clear(range_of(last_of(sender)));
}

}  // namespace everframe::store
