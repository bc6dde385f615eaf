// Player: one client of a simulated world, in a process and on a host of its own: a real WebRTC client over
// the simulated network, or now and then a tunnel (tunnel.h), with the bots' habits. It keeps to spec/wire.md
// section 4: after a loss it comes back with its token and sends again what was not answered. All that
// reaches it goes into the journal.
#pragma once
#include <deque>
#include <memory>
#include <optional>

#include "bots/habits.h"
#include "bots/peer.h"
#include "bots/replica.h"
#include "gateway/signaling.h"
#include "journal.h"
#include "platform_sim/simulated_network.h"

namespace everframe::sim {

// What all players share; outlives them.
struct Surroundings {
  platform_sim::VirtualWorld& world;
  platform_sim::SimulatedNetwork& network;
  std::shared_ptr<const transport::Certificate> certificate;
  const bots::Pack& pack;
  Journal& journal;
  // The HTTP exchange; the reply comes on the player's executor, or never.
  Function<void(gateway::Connect, platform::Executor&)> connect;
  double actions_a_second = 4;
  double poses_a_second = 8;
  unsigned tunnels_permille = 0;  // of connections
  Function<bool()> cut_off;       // the server is
};

class Player {
 public:
  Player(std::size_t index, Surroundings& around);
  ~Player();

  void enter();
  // kill -9 of its process; it starts again after a while, with what it had written down: token and actions.
  void kill();
  void drop_connection();
  void resend();
  void rest() { resting_ = true; }  // no new actions
  void end();                       // its process is over for good

  bool in_world() const { return state_ == State::IN_WORLD; }
  std::size_t unanswered() const { return actions_.size(); }
  const Address& host() const { return host_; }

 private:
  enum class State { OUT, ASKING, CONNECTING, IN_WORLD };

  platform::Executor& executor() { return process_->executor("client"); }
  void tick();
  void connect();
  std::unique_ptr<bots::Connection> connection();
  void ask(const bots::Who& who, gateway::Connect request,
           Function<void(Result<gateway::ConnectAnswer>)> answered);
  void know(const gateway::ConnectAnswer& answer);
  void lose(const std::string& why);
  void received(bots::Connection::Channel channel, ByteView bytes);
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
  void settle(ActionSeq seq, Answer answer);
  void act();
  void begin_action();
  void pose();
  wire::ActionBody choose();
  void send(const wire::ClientEvent& event);
  void step(SessionJournal::Step step);
  void shown(FrameNo frame);
  template <class... Args>
  void trouble(fmt::format_string<Args...> format, Args&&... args);

  const std::size_t index_;
  Surroundings& around_;
  const Address host_;
  Prng dice_;
  std::unique_ptr<platform_sim::Process> process_;
  std::vector<std::unique_ptr<platform_sim::Process>> dead_;
  std::unique_ptr<platform::Network> network_;
  std::shared_ptr<Player*> alive_;  // emptied with each process: for what comes late
  unsigned lives_ = 0;

  State state_ = State::OUT;
  bots::Figures figures_;
  std::unique_ptr<bots::Connection> connection_;
  std::size_t session_ = 0;  // its number in the journal
  std::optional<std::string> token_;
  std::optional<std::string> over_;  // why this connection is
  std::optional<bots::Habits> habits_;
  bots::Replica replica_;
  std::deque<wire::Action> actions_;  // unanswered, by seq
  ActionSeq last_seq_{};
  FrameNo session_frame_{};  // the latest that this session told of
  bool resting_ = false;
  bool turned_away_ = false;
  Time due_{};  // the next attempt, or the end of patience
  Time act_due_{};
  Time pose_due_{};
  Time pose_last_{};
  Time ping_due_{};
  std::optional<Time> pinged_;
  std::uint64_t nonce_ = 0;
  std::uint64_t pose_seq_ = 0;
  unsigned attempts_ = 0;
  Bytes scratch_;
};

}  // namespace everframe::sim
