// Result<T>: a value, or an operating Error (something outside went wrong: a peer, a disk, a file, a person's
// input). Bugs are not Results: see assert.h. An Error's text says what happened, where, and what to do.
#pragma once
#include <fmt/format.h>

#include <string>
#include <tl/expected.hpp>
#include <utility>

namespace everframe {

struct [[nodiscard]] Error {
  std::string text;
  int code =
      0;  // only where some code reacts to it: FoundationDB's error codes in the store, HTTP status in admin
};

template <class T>
using Result = tl::expected<T, Error>;

template <class... Args>
tl::unexpected<Error> fail(fmt::format_string<Args...> format, Args&&... args) {
  return tl::unexpected<Error>(Error{fmt::format(format, std::forward<Args>(args)...), 0});
}
template <class... Args>
tl::unexpected<Error> fail_with(int code, fmt::format_string<Args...> format, Args&&... args) {
  return tl::unexpected<Error>(Error{fmt::format(format, std::forward<Args>(args)...), code});
}

}  // namespace everframe
