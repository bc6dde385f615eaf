// Player: one player of a world, through a connection of its own: enters, walks, acts, comes back with its
// token after a loss and sends again what was not answered, as spec/wire.md section 4 asks. Knows only what
// the server tells a client. Threads: the executor's. Its owner calls tick() every few milliseconds.
#pragma once
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "bots/connection.h"
#include "bots/figures.h"
#include "bots/habits.h"
#include "bots/signaling.h"
#include "platform/network.h"
#include "transport/certificate.h"
#include "wire/messages.h"

namespace everframe::bots {

// What all players of a crowd share; outlives them.
struct Surroundings {
  platform_os::AsioExecutor& executor;
  platform::Network& network;
  std::shared_ptr<const transport::Certificate> certificate;
  Signaling& signaling;
  CarrierKind carrier = CarrierKind::WEBRTC;
  const Pack& pack;
  Figures& figures;
};

// Sees what a player sees, as it happens: for a test that compares it with the store.
class Witness {
 public:
  virtual ~Witness() = default;
  virtual void entered(std::size_t, const std::string&, const wire::Welcome&) {}  // player, token
  virtual void sent(std::size_t, ActionSeq) {}
  virtual void accepted(std::size_t, ActionSeq) {}
  virtual void answered(std::size_t, ActionSeq, FrameNo, std::uint8_t) {}  // reason 0: applied
  virtual void walked(std::size_t, const Vec3&) {}
  virtual void trouble(std::size_t, const std::string&) {}  // what should not happen, in words
};

class Player {
 public:
  struct Habit {
    std::string name;
    std::uint64_t seed = 1;             // of what it chooses to do
    std::uint64_t connection_seed = 1;  // of its connections: true entropy
    double poses_a_second = 20;
    double actions_a_second = 1;
    Duration silence_max = 4s;  // without an answer to a ping: the connection is dead
  };
  // `witness` may be null, else it outlives this.
  Player(std::size_t index, const Surroundings& around, Habit habit, Witness* witness);

  void enter();
  void tick();
  void rest() { resting_ = true; }  // no new actions
  void leave();                     // takes leave; in_world() ends soon

  bool in_world() const { return state_ == State::IN_WORLD; }
  bool gone() const { return state_ == State::OUT || state_ == State::LEFT; }
  std::size_t unanswered() const { return actions_.size(); }
  const Replica& replica() const { return replica_; }

 private:
  enum class State { OUT, SIGNALING, CONNECTING, IN_WORLD, WAITING, LEAVING, LEFT };
  struct Sent {
    wire::Action action;
    Time at{};  // when it was first sent
    bool accepted = false;
  };

  std::unique_ptr<Connection> connect();
  void answered(Result<std::string> token);
  void received(Connection::Channel channel, ByteView bytes);
  void on(const wire::Welcome& welcome);
  void on(const wire::Accepted& accepted);
  void on(const wire::Applied& applied);
  void on(const wire::Refused& refused);
  void on(const wire::Inventory& inventory);
  void on(const wire::ChunkSnapshot& snapshot);
  void on(const wire::ChunkChanges& changes);
  void on(const wire::ChunkForget& forget);
  void on(const wire::Avatar&) {}
  void on(const wire::AvatarGone&) {}
  void on(const wire::Pong& pong);
  void on(const wire::Goodbye& goodbye);
  void on(const wire::Moved& moved);
  void on(const wire::State& state);

  void settle(ActionSeq seq, FrameNo frame, std::uint8_t reason);
  void act();
  void pose();
  void ping();
  void send(const wire::ClientEvent& event);
  void lose(const std::string& why);
  void come_back();
  void trouble(const std::string& what);

  // constant after construction
  const std::size_t index_;
  const Surroundings around_;
  const Habit habit_;
  Witness* const witness_;

  // owned by this executor
  State state_ = State::OUT;
  Habits habits_;
  Prng dice_;
  Replica replica_;
  std::unique_ptr<Connection> connection_;
  std::optional<std::string> goodbye_;  // why the server ends this session
  std::optional<std::string> token_;
  std::uint64_t attempts_ = 0;  // since the last welcome
  bool welcomed_ = false;       // ever
  bool resting_ = false;
  Time since_{};  // this state
  Time due_{};    // of the next attempt, or of the welcome

  Time heard_at_{};  // when the message at hand reached this machine
  ActionSeq last_seq_{};
  std::deque<Sent> actions_;                                       // unanswered, by seq
  bool turned_away_ = false;                                       // they are to be sent again from the first
  std::map<ActionSeq, std::pair<FrameNo, std::uint8_t>> answers_;  // the last ANSWERS_KEPT
  Time act_due_{};
  std::deque<std::pair<std::uint64_t, Time>> poses_;  // sent, not yet seen in a state message
  std::uint64_t pose_seq_ = 0;
  std::uint64_t tick_seen_ = 0;
  Time pose_due_{};
  Time pose_last_{};
  std::uint64_t ping_nonce_ = 0;
  std::optional<Time> pinged_;  // unanswered since
  Time ping_due_{};
  Bytes scratch_;
};

}  // namespace everframe::bots
