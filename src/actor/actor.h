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
#include "actor/kinds.h"

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
  // `message_max`: a message that takes longer ends the actor as a crash does; 0: none does.
  TypedCell(std::string name, platform::Executor& executor, std::size_t limit, Duration message_max,
            Factory factory)
      : Cell(std::move(name), executor),
        mailbox_(limit),
        message_max_(message_max),
        factory_(std::move(factory)) {}
  ~TypedCell() override { delete counts_.load(); }

  Delivery cast(Message message) {
    bool wake = false;
    const Delivery delivery = mailbox_.push(std::move(message), wake);
    if (wake) schedule();
    return delivery;
  }

  void start() override {
    EF_ASSERT(executor().is_current() && !running());
    incarnation_ = incarnation() + 1;
    running_ = true;
    guarded("start", incarnation(), [this] {
      actor_ = factory_(Life(*this, incarnation()));
      actor_->on_start();
    });
  }

  void finish(Ending ending) override {
    EF_ASSERT(executor().is_current());
    if (!running()) return;
    running_ = false;
    moving_to_ = nullptr;
    ending.mailbox_length = mailbox_.size();
    if (ending.crashed) ending.last_kinds = last_kinds();
    mailbox_.clear();  // as in OTP, a crash loses the mailbox: senders that must know ask for an answer
    // The actor may be on the stack below us, and its tasks may be waiting: it goes when the last of them has
    // ended.
    executor().post([self = this->shared_from_this(),
                     gone = std::shared_ptr<Actor<Message>>(std::move(actor_)), ending = std::move(ending)] {
      auto& cell = static_cast<TypedCell&>(*self);
      if (gone) gone->outlive(gone);
      cell.tell_watchers(ending);
      if (cell.ended) cell.ended(ending);
    });
  }

  void shut_down() override {
    guarded("shutdown", incarnation(), [this] { actor_->on_shutdown(); });
  }

  void drop() override {
    running_ = false;
    mailbox_.close();
    const std::shared_ptr<Actor<Message>> gone(std::move(actor_));
    if (gone) gone->outlive(gone);
    tell_watchers({false, "its supervisor is gone", {}, 0});
  }

  void close() override { mailbox_.close(); }

  // What waits moves along; from the end of the message that is being worked on.
  void move_to(platform::Executor& executor) { moving_to_ = &executor; }

  CellFigures figures() override {
    CellFigures out{running(), incarnation(), mailbox_.size(), long_turns_, longest_turn_us_, {}};
    const Counts* counts = counts_.load(std::memory_order_acquire);
    for (std::size_t i = 0; counts != nullptr && i < Kind::COUNT; ++i) {
      const auto& kind = (*counts)[i];
      if (kind.count > 0) out.kinds.push_back({Kind::NAMES[i], kind.count, kind.us_timed * TIMED_ONE_IN});
    }
    return out;
  }

 private:
  using Kind = Kinds<Message>;
  struct KindCount {  // written on the cell's executor, read anywhere
    std::atomic<std::uint64_t> count = 0;
    std::atomic<std::uint64_t> us_timed = 0;
  };
  using Counts = std::array<KindCount, Kind::COUNT>;

  void schedule() {
    executor().post([self = this->shared_from_this()] { static_cast<TypedCell&>(*self).turn(); });
  }

  void turn() {
    if (!executor().is_current()) return schedule();  // it has moved
    if (counts_.load(std::memory_order_relaxed) == nullptr) counts_ = new Counts();
    const Time began = executor().now();
    if (at_ == batch_.size()) {
      batch_.clear();
      at_ = 0;
      batch_life_ = incarnation();
      mailbox_.take(batch_, TURN);
    }
    while (at_ < batch_.size() && moving_to_ == nullptr) work(batch_[at_++]);
    const Duration took = executor().now() - began;
    if (took > LONG_TURN) name_hog(took);
    if (at_ == batch_.size()) {
      batch_.clear();
      at_ = 0;
      if (batch_.capacity() > KEPT_MAX) batch_.shrink_to_fit();
    }
    if (moving_to_ != nullptr) {
      executor_.store(std::exchange(moving_to_, nullptr), std::memory_order_release);
      return schedule();
    }
    if (mailbox_.stay_scheduled()) schedule();
  }

  void work(Message& message) {
    const std::size_t kind = Kind::of(message);
    last_kinds_[worked_++ % KINDS_REPORTED] = static_cast<std::uint8_t>(kind);
    KindCount& counted = (*counts_.load(std::memory_order_relaxed))[kind];
    counted.count.store(counted.count.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
    const auto receive = [&] { actor_->receive(std::move(message)); };
    if (worked_ % TIMED_ONE_IN != 0 && message_max_.count() == 0) {
      return guarded("message", batch_life_, receive);
    }
    const Time began = executor().now();
    guarded("message", batch_life_, receive);
    const Duration took = executor().now() - began;
    if (worked_ % TIMED_ONE_IN == 0) {
      counted.us_timed.store(
          counted.us_timed.load(std::memory_order_relaxed) + static_cast<std::uint64_t>(took.count()),
          std::memory_order_relaxed);
    }
    if (message_max_.count() > 0 && took > message_max_ && batch_life_ == incarnation())
      finish({true, overrun_text(took, message_max_), "message", 0});
  }

  std::string last_kinds() const {
    std::string out;
    for (std::size_t i = 1; i <= std::min<std::size_t>(worked_, KINDS_REPORTED); ++i) {
      if (i > 1) out += ' ';
      out += Kind::NAMES[last_kinds_[(worked_ - i) % KINDS_REPORTED]];
    }
    return out;
  }

  Mailbox<Message> mailbox_;
  std::vector<Message> batch_;  // of this turn
  std::size_t at_ = 0;          // the next of it
  std::uint64_t batch_life_ = 0;
  std::uint64_t worked_ = 0;
  std::array<std::uint8_t, KINDS_REPORTED> last_kinds_{};
  const Duration message_max_;
  platform::Executor* moving_to_ = nullptr;
  std::atomic<Counts*> counts_ = nullptr;  // from the first message on
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
  std::shared_ptr<Cell> cell() const { return cell_.lock(); }  // none: it is gone for good

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
  // The supervisor wants it to end: to be followed by stop(), within its spec's `shutdown`.
  virtual void on_shutdown() { stop(); }

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
    return executor().after(delay, [life = life_, callback = std::move(callback)]() mutable {
      if (life.cell().executor().is_current()) {
        return life.cell().guarded("timer", life.incarnation(), [&] { callback(); });
      }
      life.cell().at_home([life, late = std::move(callback)](Cell& cell) {
        cell.guarded("timer", life.incarnation(), [&] { late(); });
      });
    });
  }
  void cancel(platform::TimerId timer) {
    EF_ASSERT(!moved_);  // a timer belongs to the executor it was set on
    executor().cancel(timer);
  }

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

  // Goes on living on another executor after this message, with all that waits for it. Not while a task of
  // its runs. Timers come along; from then on none can be cancelled.
  void move_to(platform::Executor& executor) {
    EF_ASSERT(tasks_ == 0);
    moved_ = true;
    static_cast<detail::TypedCell<Message>&>(life_.cell()).move_to(executor);
  }

  // `told` is called once, as this actor's own work, when the life that the other has now ends, or at once if
  // it has none. Let go of the Monitor to hear nothing.
  using Monitor = std::shared_ptr<const Function<void(const Ending&)>>;
  template <class Other>
  [[nodiscard]] Monitor monitor(const Ref<Other>& other, Function<void(const Ending&)> told) {
    auto out = std::make_shared<const Function<void(const Ending&)>>(std::move(told));
    auto tell = [life = life_, weak = std::weak_ptr(out)](const Ending& ending) {
      life.cell().at_home([life, weak, ending](Cell& cell) {
        if (const auto heard = weak.lock())
          cell.guarded("monitor", life.incarnation(), [&] { (*heard)(ending); });
      });
    };
    if (const auto cell = other.cell()) {
      cell->watch(std::move(tell));
    } else {
      tell({true, "it does not run", {}, 0});
    }
    return out;
  }
  // From now on a crash of either is a crash of both.
  template <class Other>
  void link(const Ref<Other>& other) {
    const auto cell = other.cell();
    if (!cell) throw std::runtime_error("linked to an actor that is gone");
    actor::link(life_.cell().shared_from_this(), cell);
  }

  // Ends this actor in good order; its supervisor decides by the child's Restart whether another follows.
  void stop() { life_.cell().finish({}); }

 private:
  const Life life_;
  std::uint32_t tasks_ = 0;
  bool moved_ = false;
  std::shared_ptr<Actor> last_owner_;
};

}  // namespace everframe::actor
