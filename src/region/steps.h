// Steps: where a running world tells what it does, step by step, in the words of spec/WorldState.tla. Off by
// default: a null pointer costs a comparison. A step is told when it has happened, but START_FRAME before its
// commit is sent: what a killed process leaves says at least what it may have done. spec/README.md says what
// each step means and which may follow which; inspect/step_relation.h checks it.
//
// Threads: of the executors that tell; a Steps that hears of several locks. A step is told before anything
// that follows from it.
#pragma once
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/function.h"
#include "base/ids.h"
#include "base/result.h"
#include "wire/messages.h"

namespace everframe::region {

// An action, and in FINISH_FRAME and ANSWERED what came of it (world::Refusal; 0: applied).
struct StepAction {
  PlayerId player{};
  ActionSeq seq{};
  std::uint8_t reason = 0;
  bool operator==(const StepAction&) const = default;
};

struct Step {
  enum class Kind : std::uint8_t {
    TAKE_OVER,     // epoch, frame: the region is ours, its head was there
    OPEN,          // epoch, actions: the durable queue, as it was found
    ENTER,         // epoch; the player, and the seq up to which it is answered
    ARRIVE,        // epoch; one action came into memory
    DURABLE,       // epoch, actions: T1 committed
    ACCEPTED,      // one player is told so
    START_FRAME,   // epoch, frame, actions: applied in memory, T2 follows
    FINISH_FRAME,  // epoch, frame, actions with outcomes: T2 committed
    SHOW,          // frame: others are shown what it did
    ANSWERED,      // one player is told: frame, and an action with its outcome
    SAY_ACCEPTED,  // by the gateway: this is sent to the player
    SAY_ANSWER,    // likewise
  };
  Kind kind{};
  RegionId region{};  // 0: the gateway's
  std::uint64_t epoch = 0;
  FrameNo frame{};
  std::vector<StepAction> actions;
  bool operator==(const Step&) const = default;
};

// ACCEPTED or ANSWERED, if this event is one. Who is turned away (frame 0) is not answered yet.
std::optional<Step> step_of(PlayerId player, const wire::ServerEvent& event);

class Steps {
 public:
  virtual ~Steps() = default;
  virtual void take(const Step& step) = 0;
};

// A line of a trace: {"step":"durable","region":1,"epoch":3,"actions":[[5,1],[5,2]]}. Its names are
// persistent.
std::string write_step(const Step& step);
Result<Step> read_step(std::string_view line);

// A trace as lines, each handed to `write` whole, its newline included. After `bytes_max` it falls silent:
// the last line says so. Any thread.
class StepLines final : public Steps {
 public:
  StepLines(Function<void(std::string_view line)> write, std::uint64_t bytes_max)
      : write_(std::move(write)), bytes_left_(bytes_max) {}
  void take(const Step& step) override;

 private:
  std::mutex mutex_;
  const Function<void(std::string_view)> write_;
  std::uint64_t bytes_left_;
  bool silent_ = false;
};
inline constexpr char STEPS_END[] = R"({"step":"end"})";

}  // namespace everframe::region
