// Function<R(Args...)>: a callable that is moved, never copied (std::move_only_function is C++23).
#pragma once
#include <memory>
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
      Function(F&& f)
      : body_(std::make_unique<Body<std::decay_t<F>>>(std::forward<F>(f))) {}

  R operator()(Args... args) const {
    EF_ASSERT(body_ != nullptr);
    return body_->call(std::forward<Args>(args)...);
  }
  explicit operator bool() const { return body_ != nullptr; }

 private:
  struct Callable {
    virtual ~Callable() = default;
    virtual R call(Args... args) = 0;
  };
  template <class F>
  struct Body final : Callable {
    explicit Body(F f) : function(std::move(f)) {}
    R call(Args... args) override { return function(std::forward<Args>(args)...); }
    F function;
  };

  std::unique_ptr<Callable> body_;
};

}  // namespace everframe
