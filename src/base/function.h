// Function<R(Args...)>: a callable that is moved, never copied (std::move_only_function is C++23). A small
// one that returns nothing (two words of captures) lies in the Function and takes no memory of its own: do
// not move or destroy a Function while it runs.
#pragma once
#include <cstddef>
#include <new>
#include <type_traits>
#include <utility>

#include "base/assert.h"

namespace everframe {

template <class Signature>
class Function;

template <class R, class... Args>
class Function<R(Args...)> {
 public:
  Function() = default;
  Function(std::nullptr_t) {}
  template <class F>
  requires(!std::is_same_v<std::remove_cvref_t<F>, Function> && std::is_invocable_r_v<R, F&, Args...>)
      Function(F&& f) {
    using Body = std::decay_t<F>;
    if constexpr (LIES_HERE<Body>) {
      new (room_) Body(std::forward<F>(f));
      ways_ = &WAYS_HERE<Body>;
    } else {
      new (room_) Body*(new Body(std::forward<F>(f)));
      ways_ = &WAYS_OFF<Body>;
    }
  }
  Function(Function&& other) noexcept { take(other); }
  Function& operator=(Function&& other) noexcept {
    if (this == &other) return *this;
    Function old(std::move(*this));
    take(other);
    return *this;
  }
  ~Function() {
    if (ways_ != nullptr) ways_->destroy(room_);
  }

  R operator()(Args... args) const {
    EF_ASSERT(ways_ != nullptr);
    return ways_->call(room_, std::forward<Args>(args)...);
  }
  explicit operator bool() const { return ways_ != nullptr; }

 private:
  struct Ways {
    R (*call)(void* room, Args&&... args);
    void (*move)(void* from, void* to);
    void (*destroy)(void* room);
  };
  // Not of one that returns something: that may be a coroutine, which goes on using its captures.
  static constexpr std::size_t ROOM = std::is_void_v<R> ? 2 * sizeof(void*) : sizeof(void*);
  template <class Body>
  static constexpr bool LIES_HERE =
      std::is_void_v<R> && sizeof(Body) <= ROOM &&
      alignof(Body) <= alignof(void*) && std::is_nothrow_move_constructible_v<Body>;
  template <class Body>
  static constexpr Ways WAYS_HERE{
      [](void* room, Args&&... args) -> R {
        return static_cast<R>((*static_cast<Body*>(room))(std::forward<Args>(args)...));
      },
      [](void* from, void* to) {
        new (to) Body(std::move(*static_cast<Body*>(from)));
        static_cast<Body*>(from)->~Body();
      },
      [](void* room) { static_cast<Body*>(room)->~Body(); }};
  template <class Body>
  static constexpr Ways WAYS_OFF{
      [](void* room, Args&&... args) -> R {
        return static_cast<R>((**static_cast<Body**>(room))(std::forward<Args>(args)...));
      },
      [](void* from, void* to) { new (to) Body*(*static_cast<Body**>(from)); },
      [](void* room) { delete *static_cast<Body**>(room); }};

  void take(Function& other) {
    ways_ = std::exchange(other.ways_, nullptr);
    if (ways_ != nullptr) ways_->move(other.room_, room_);
  }

  const Ways* ways_ = nullptr;
  alignas(void*) mutable std::byte room_[ROOM];
};

}  // namespace everframe
