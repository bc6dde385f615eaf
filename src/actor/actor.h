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
#include "base/lock.h"

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
  explicit Mailbox(std::size_t limit) : limit_(static_cast<std::uint32_t>(limit)) {}

  // Sets `wake` when the owner must be scheduled, to take().
  Delivery push(Message&& message, bool& wake) {
    const std::lock_guard lock(lock_);
    if (closed_) return Delivery::GONE;
    if (waiting() >= limit_) return Delivery::FULL;
    queue_.push_back(std::move(message));
    wake = !std::exchange(scheduled_, true);
    return Delivery::DELIVERED;
  }
  // Fills `out`, which is empty, with up to `count` messages. True: more wait, and the owner stays scheduled.
  bool take(std::vector<Message>& out, std::size_t count) {
    const std::lock_guard lock(lock_);
    if (begin_ == 0 && queue_.size() <= count) {
      out.swap(queue_);
      return scheduled_ = false;
    }
    const std::size_t end = begin_ + std::min(count, waiting());
    std::move(queue_.begin() + static_cast<std::ptrdiff_t>(begin_),
              queue_.begin() + static_cast<std::ptrdiff_t>(end), std::back_inserter(out));
    begin_ = static_cast<std::uint32_t>(end);
    if (begin_ == queue_.size()) {
      reset();
    } else if (begin_ >= waiting()) {
      queue_.erase(queue_.begin(), queue_.begin() + begin_);  // else one that never empties grows for ever
      begin_ = 0;
    }
    return scheduled_ = waiting() > 0;
  }
  std::size_t size() {
    const std::lock_guard lock(lock_);
    return waiting();
  }
  void clear() {
    std::vector<Message> dropped;
    const std::lock_guard lock(lock_);
    dropped.swap(queue_);
    begin_ = 0;
  }
  void close() {
    clear();
    const std::lock_guard lock(lock_);
    closed_ = true;
  }

 private:
  std::size_t waiting() const { return queue_.size() - begin_; }
  void reset() {
    queue_.clear();
    begin_ = 0;
    if (queue_.capacity() > KEPT_MAX) queue_.shrink_to_fit();  // a flood is over
  }

  Lock lock_;
  const std::uint32_t limit_;
  std::uint32_t begin_ = 0;  // what lies before it was taken
  bool scheduled_ = false;
  bool closed_ = false;
  std::vector<Message> queue_;
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
  ~TypedCell() override { delete past_.load(); }

  static Delivery cast(std::shared_ptr<TypedCell> self, Message&& message) {
    bool wake = false;
    const Delivery delivery = self->mailbox_.push(std::move(message), wake);
    if (wake) schedule(std::move(self));
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
    if (std::exchange(turn_waits_, false)) schedule(me());
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
    executor().post([self = this->shared_from_this(), life = incarnation(),
                     gone = std::shared_ptr<Actor<Message>>(std::move(actor_)), ending = std::move(ending)] {
      auto& cell = static_cast<TypedCell&>(*self);
      if (gone) gone->outlive(gone);
      cell.tell_watchers(ending);
      cell.tell_overseer(life, ending);
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
    CellFigures out{running(), incarnation(), mailbox_.size(), 0, 0, {}};
    const Past* past = past_.load(std::memory_order_acquire);
    if (past == nullptr) return out;
    out.long_turns = past->long_turns;
    out.longest_turn_us = past->longest_turn_us;
    for (std::size_t i = 0; i < Kind::COUNT; ++i) {
      const KindCount& kind = past->kinds[i];
      if (kind.count > 0) out.kinds.push_back({Kind::NAMES[i], kind.count, kind.us_timed * TIMED_ONE_IN});
    }
    return out;
  }

 private:
  using Kind = Kinds<Message>;
  // Written on the cell's executor, read anywhere.
  struct Count : std::atomic<std::uint64_t> {
    using std::atomic<std::uint64_t>::operator=;
    void add(std::uint64_t more) { store(load(std::memory_order_relaxed) + more, std::memory_order_relaxed); }
  };
  struct KindCount {
    Count count;
    Count us_timed;
  };
  // What an actor has worked on. Made with its first message: of a million actors most may be idle.
  struct Past {
    std::uint64_t messages = 0;
    std::array<std::uint8_t, KINDS_REPORTED> last_kinds{};
    Count long_turns;
    Count longest_turn_us;
    std::array<KindCount, Kind::COUNT> kinds;
  };

  std::shared_ptr<TypedCell> me() { return std::static_pointer_cast<TypedCell>(this->shared_from_this()); }

  static void schedule(std::shared_ptr<TypedCell> self) {
    platform::Executor& home = self->executor();
    home.post([self = std::move(self)] { self->turn(); });
  }

  // More than one may be scheduled: what was cast since this one took its messages has the next come.
  void turn() {
    if (!executor().is_current()) return schedule(me());  // it has moved
    if (at_ == batch_.size() && !running()) {  // not started yet, or not again: the mailbox keeps what comes
      turn_waits_ = true;
      return;
    }
    Past* past = past_.load(std::memory_order_relaxed);
    if (past == nullptr) past_.store(past = new Past(), std::memory_order_release);
    const platform::Clock& clock = executor().clock();
    const Time began = clock.coarse_now();
    if (at_ == batch_.size()) {
      batch_life_ = incarnation();
      more_waits_ = mailbox_.take(batch_, TURN);
    }
    while (at_ < batch_.size() && moving_to_ == nullptr) work(*past, batch_[at_++]);
    const Duration took = clock.coarse_now() - began;
    if (took > LONG_TURN) {
      past->long_turns.add(1);
      past->longest_turn_us =
          std::max<std::uint64_t>(past->longest_turn_us, static_cast<std::uint64_t>(took.count()));
      name_hog(took);
    }
    if (at_ == batch_.size()) {
      batch_.clear();
      at_ = 0;
      if (batch_.capacity() > KEPT_MAX) batch_.shrink_to_fit();
    }
    if (moving_to_ != nullptr) {
      executor_.store(std::exchange(moving_to_, nullptr), std::memory_order_release);
      return schedule(me());
    }
    if (more_waits_) schedule(me());
  }

  void work(Past& past, Message& message) {
    const std::size_t kind = Kind::of(message);
    past.last_kinds[past.messages++ % KINDS_REPORTED] = static_cast<std::uint8_t>(kind);
    past.kinds[kind].count.add(1);
    const auto receive = [&] { actor_->receive(std::move(message)); };
    const bool timed = past.messages % TIMED_ONE_IN == 0;
    if (!timed && message_max_.count() == 0) return guarded("message", batch_life_, receive);
    const Time began = executor().now();
    guarded("message", batch_life_, receive);
    const Duration took = executor().now() - began;
    if (timed) past.kinds[kind].us_timed.add(static_cast<std::uint64_t>(took.count()));
    if (message_max_.count() > 0 && took > message_max_ && batch_life_ == incarnation())
      finish({true, overrun_text(took, message_max_), "message", 0});
  }

  std::string last_kinds() const {
    const Past* past = past_.load(std::memory_order_relaxed);
    std::string out;
    for (std::size_t i = 1; past != nullptr && i <= std::min<std::size_t>(past->messages, KINDS_REPORTED);
         ++i) {
      if (i > 1) out += ' ';
      out += Kind::NAMES[past->last_kinds[(past->messages - i) % KINDS_REPORTED]];
    }
    return out;
  }

  Mailbox<Message> mailbox_;
  std::vector<Message> batch_;  // of this turn
  std::uint32_t at_ = 0;        // the next of it
  bool more_waits_ = false;     // after this batch
  bool turn_waits_ = false;     // for the next start
  std::uint64_t batch_life_ = 0;
  const Duration message_max_;
  platform::Executor* moving_to_ = nullptr;
  std::atomic<Past*> past_ = nullptr;
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
    auto cell = cell_.lock();
    return cell ? detail::TypedCell<Message>::cast(std::move(cell), std::move(message)) : Delivery::GONE;
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
