// Actor<Message>: state and behaviour on one executor, reached only by messages. OTP's meaning in C++: a bug
// (exception, EF_ASSERT) in receive, a timer or a task ends this actor alone; its supervisor starts it afresh
// by its factory. Ref<Message>: its address. Copyable, thread-safe, weak: it keeps nothing alive, and works
// over restarts. Order: messages of one sender to one actor arrive in the order they were cast. Limits: a
// mailbox holds MAILBOX_LIMIT messages unless its spec says otherwise; a full one refuses. An actor handles
// at most TURN messages before others of its executor get their turn.
#pragma once
#include <algorithm>
#include <iterator>
#include <memory>
#include <mutex>
#include <vector>

#include "actor/cell.h"

namespace everframe::actor {

inline constexpr std::size_t MAILBOX_LIMIT = 65'536;  // a second of everything that 5,000 players send
inline constexpr std::size_t TURN = 256;              // about a millisecond of short messages

enum class Delivery { DELIVERED, FULL, GONE };

template <class Message>
class Actor;

namespace detail {

inline constexpr std::size_t KEPT_MAX = 1'024;  // messages that an empty mailbox keeps room for

template <class Message>
class Mailbox {
 public:
  explicit Mailbox(std::size_t limit) : limit_(limit) {}

  // Sets `wake` when the owner must be scheduled.
  Delivery push(Message&& message, bool& wake) {
    const std::lock_guard lock(mutex_);
    if (closed_) return Delivery::GONE;
    if (waiting() >= limit_) return Delivery::FULL;
    queue_.push_back(std::move(message));
    wake = !std::exchange(scheduled_, true);
    return Delivery::DELIVERED;
  }
  // Fills `out`, which is empty, with up to `count` messages.
  void take(std::vector<Message>& out, std::size_t count) {
    const std::lock_guard lock(mutex_);
    if (begin_ == 0 && queue_.size() <= count) {
      out.swap(queue_);
      return;
    }
    const std::size_t end = begin_ + std::min(count, waiting());
    std::move(queue_.begin() + static_cast<std::ptrdiff_t>(begin_),
              queue_.begin() + static_cast<std::ptrdiff_t>(end), std::back_inserter(out));
    begin_ = end;
    if (begin_ == queue_.size()) reset();
  }
  // False: nothing waits, and the owner is not scheduled any more.
  bool stay_scheduled() {
    const std::lock_guard lock(mutex_);
    return scheduled_ = waiting() > 0;
  }
  std::size_t size() {
    const std::lock_guard lock(mutex_);
    return waiting();
  }
  void clear() {
    std::vector<Message> dropped;
    const std::lock_guard lock(mutex_);
    dropped.swap(queue_);
    begin_ = 0;
  }
  void close() {
    clear();
    const std::lock_guard lock(mutex_);
    closed_ = true;
  }

 private:
  const std::size_t limit_;
  std::size_t waiting() const { return queue_.size() - begin_; }
  void reset() {
    queue_.clear();
    begin_ = 0;
    if (queue_.capacity() > KEPT_MAX) queue_.shrink_to_fit();  // a flood is over
  }

  std::mutex mutex_;
  std::vector<Message> queue_;
  std::size_t begin_ = 0;  // what lies before it was taken
  bool scheduled_ = false;
  bool closed_ = false;
};

template <class Message>
class TypedCell final : public Cell {
 public:
  using Factory = Function<std::unique_ptr<Actor<Message>>(Life)>;
  TypedCell(std::string name, platform::Executor& executor, std::size_t limit, Factory factory)
      : Cell(std::move(name), executor), mailbox_(limit), factory_(std::move(factory)) {}

  Delivery cast(Message message) {
    bool wake = false;
    const Delivery delivery = mailbox_.push(std::move(message), wake);
    if (wake) schedule();
    return delivery;
  }

  void start() override {
    EF_ASSERT(executor_.is_current() && !running_);
    ++incarnation_;
    running_ = true;
    guarded("start", incarnation_, [this] {
      actor_ = factory_(Life(*this, incarnation_));
      actor_->on_start();
    });
  }

  void finish(Ending ending) override {
    EF_ASSERT(executor_.is_current());
    if (!running_) return;
    running_ = false;
    ending.mailbox_length = mailbox_.size();
    mailbox_.clear();  // as in OTP, a crash loses the mailbox: senders that must know ask for an answer
    // The actor may be on the stack below us, and its tasks may be waiting: it goes when the last of them has
    // ended.
    executor_.post([self = this->shared_from_this(),
                    gone = std::shared_ptr<Actor<Message>>(std::move(actor_)), ending = std::move(ending)] {
      const auto& cell = static_cast<TypedCell&>(*self);
      if (gone) gone->outlive(gone);
      if (cell.ended) cell.ended(ending);
    });
  }

  void drop() override {
    running_ = false;
    mailbox_.close();
    const std::shared_ptr<Actor<Message>> gone(std::move(actor_));
    if (gone) gone->outlive(gone);
  }

  void close() override { mailbox_.close(); }

 private:
  void schedule() {
    executor_.post([self = this->shared_from_this()] { static_cast<TypedCell&>(*self).turn(); });
  }

  void turn() {
    const std::uint64_t incarnation = incarnation_;
    mailbox_.take(batch_, TURN);
    for (Message& message : batch_) {
      guarded("message", incarnation, [&] { actor_->receive(std::move(message)); });
    }
    batch_.clear();
    if (batch_.capacity() > KEPT_MAX) batch_.shrink_to_fit();
    if (mailbox_.stay_scheduled()) schedule();
  }

  Mailbox<Message> mailbox_;
  std::vector<Message> batch_;  // of this turn
  const Factory factory_;
  std::unique_ptr<Actor<Message>> actor_;
};

}  // namespace detail

template <class Message>
class Ref {
 public:
  Ref() = default;
  explicit Ref(std::weak_ptr<detail::TypedCell<Message>> cell) : cell_(std::move(cell)) {}

  Delivery cast(Message message) const {
    const auto cell = cell_.lock();
    return cell ? cell->cast(std::move(message)) : Delivery::GONE;
  }

 private:
  std::weak_ptr<detail::TypedCell<Message>> cell_;
};

template <class Message>
class Actor {
 public:
  explicit Actor(Life life) : life_(std::move(life)) {}
  virtual ~Actor() = default;
  Actor(const Actor&) = delete;
  Actor& operator=(const Actor&) = delete;

  virtual void on_start() {}
  virtual void receive(Message message) = 0;

  // Of the cell, once: keeps an ended actor's memory until its tasks have ended. They must look at over()
  // after each co_await before they do anything that others can see.
  void outlive(std::shared_ptr<Actor> self) {
    if (tasks_ > 0) last_owner_ = std::move(self);
  }

 protected:
  platform::Executor& executor() const { return life_.cell().executor(); }
  Time now() const { return executor().now(); }
  bool over() const { return life_.over(); }
  Ref<Message> self() const {
    return Ref<Message>(
        std::static_pointer_cast<detail::TypedCell<Message>>(life_.cell().shared_from_this()));
  }

  // The callback is dropped if this life is over by then.
  platform::TimerId after(Duration delay, Function<void()> callback) {
    return executor().after(delay, [life = life_, callback = std::move(callback)] {
      life.cell().guarded("timer", life.incarnation(), [&] { callback(); });
    });
  }
  void cancel(platform::TimerId timer) { executor().cancel(timer); }

  // Runs a coroutine of this actor; its exception is this actor's crash.
  void run(Task<> task) {
    ++tasks_;
    spawn(std::move(task), [this](std::exception_ptr error) {
      if (error) {
        life_.cell().guarded("task", life_.incarnation(), [&] { std::rethrow_exception(error); });
      }
      if (--tasks_ == 0 && last_owner_) {
        // Not here: the coroutine's frame, which may hold the last reference into us, is still being left.
        executor().post([gone = std::move(last_owner_)] {});
      }
    });
  }

  // Ends this actor in good order; its supervisor decides by the child's Restart whether another follows.
  void stop() { life_.cell().finish({}); }

 private:
  const Life life_;
  std::size_t tasks_ = 0;
  std::shared_ptr<Actor> last_owner_;
};

}  // namespace everframe::actor
