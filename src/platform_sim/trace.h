// Trace: what happened in a run, in order: one hash of everything, so that two runs can be compared, and the
// last events in words, for whoever reads a failure. Nothing that depends on addresses in memory may enter
// it. One owner.
#pragma once
#include <deque>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/hash.h"
#include "base/time.h"

namespace everframe::platform_sim {

class Trace {
 public:
  static constexpr std::size_t KEPT = 400;  // events in words

  void add(std::uint64_t number) { hash_ = (hash_ ^ number) * 0x9e3779b97f4a7c15ULL + (hash_ >> 29); }
  void add(ByteView bytes) { add(hash64(bytes)); }
  void note(Time at, std::string_view words);

  std::uint64_t hash() const { return hash_; }
  std::uint64_t notes() const { return notes_; }
  const std::deque<std::string>& last() const { return last_; }
  void print_as_it_happens(bool on) { printing_ = on; }  // to standard output

 private:
  std::uint64_t hash_ = 0;
  std::uint64_t notes_ = 0;
  std::deque<std::string> last_;
  bool printing_ = false;
};

}  // namespace everframe::platform_sim
