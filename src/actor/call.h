// call: a message with an answer, awaited at most until a deadline (gen_server:call).
//
//   const Answer<int> answer = co_await call<int>(executor(), ref, 100ms,
//       [](Reply<int> reply) { return Message{Ask{std::move(reply)}}; });
//
// The one who is asked keeps the Reply and calls it once, now or later, on any thread; a Reply that is
// destroyed uncalled (a crash, a restart, a mailbox that is closed) answers NO_ANSWER at once, so that nobody
// waits for the dead. Resumes on the caller's executor. An answer after the deadline goes nowhere.
#pragma once
#include <boost/smart_ptr/intrusive_ptr.hpp>
#include <boost/smart_ptr/intrusive_ref_counter.hpp>
#include <coroutine>
#include <optional>

#include "actor/actor.h"
#include "base/result.h"

namespace everframe::actor {

enum class CallFailure { FULL, GONE, NO_ANSWER, TIMEOUT };

template <class T>
using Answer = tl::expected<T, CallFailure>;

namespace detail {

// Between the two. Touched, and counted, on the caller's executor only: whoever is asked only hands it on.
template <class T>
struct Exchange : boost::intrusive_ref_counter<Exchange<T>, boost::thread_unsafe_counter> {
  explicit Exchange(platform::Executor& callers) : executor(callers) {}

  platform::Executor& executor;
  std::coroutine_handle<> waiting{};
  platform::TimerId deadline{};
  std::optional<Answer<T>> answer{};

  void settle(Answer<T> with) {
    if (answer) return;
    answer.emplace(std::move(with));
    executor.cancel(deadline);
    if (waiting) waiting.resume();
  }
};

}  // namespace detail

template <class T>
class Reply {
 public:
  explicit Reply(boost::intrusive_ptr<detail::Exchange<T>> exchange) : exchange_(std::move(exchange)) {}
  Reply(Reply&&) noexcept = default;
  Reply& operator=(Reply&& other) noexcept {
    std::swap(exchange_, other.exchange_);
    return *this;
  }
  ~Reply() {
    if (exchange_) send(tl::unexpected(CallFailure::NO_ANSWER));
  }
  void operator()(T value) {
    EF_ASSERT(exchange_ != nullptr);
    send(std::move(value));
  }

 private:
  void send(Answer<T> answer) {
    platform::Executor& executor = exchange_->executor;
    executor.post([exchange = std::move(exchange_), answer = std::move(answer)]() mutable {
      exchange->settle(std::move(answer));
    });
  }
  boost::intrusive_ptr<detail::Exchange<T>> exchange_;
};

// Awaited on `executor`. `ask` makes the message.
template <class T, class Message, class Ask>
auto call(platform::Executor& executor, const Ref<Message>& to, Duration within, Ask ask) {
  struct Awaiter {
    boost::intrusive_ptr<detail::Exchange<T>> exchange;
    bool await_ready() { return exchange->answer.has_value(); }
    void await_suspend(std::coroutine_handle<> handle) { exchange->waiting = handle; }
    Answer<T> await_resume() { return std::move(*exchange->answer); }
  };
  boost::intrusive_ptr exchange(new detail::Exchange<T>(executor));
  const Delivery delivery = to.cast(ask(Reply<T>(exchange)));
  if (delivery != Delivery::DELIVERED) {
    exchange->answer = tl::unexpected(delivery == Delivery::FULL ? CallFailure::FULL : CallFailure::GONE);
  } else {
    exchange->deadline = executor.after(within, [exchange] {
      exchange->deadline = {};
      exchange->settle(tl::unexpected(CallFailure::TIMEOUT));
    });
  }
  return Awaiter{std::move(exchange)};
}

}  // namespace everframe::actor
