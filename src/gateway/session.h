// Session: the actor of one connection. Admits its player, answers, waits until its carrier is open, enters
// the world, then passes messages both ways: it decodes and checks what the client says, and sends what the
// region tells, under the client's budget. Whatever it cannot understand ends this session alone (P10). Its
// destruction, crash included, closes the carrier and tells the region.
#pragma once
#include <memory>
#include <string>
#include <variant>

#include "actor/actor.h"
#include "gateway/avatars.h"
#include "gateway/carrier.h"
#include "gateway/figures.h"
#include "gateway/interest.h"
#include "gateway/line.h"
#include "gateway/signaling.h"
#include "platform/clock.h"
#include "region/messages.h"
#include "region/steps.h"

namespace everframe::gateway {

inline constexpr Duration ADMITTING_MAX = 10s;
inline constexpr Duration CONNECTING_MAX = 20s;  // the answer to two open channels
inline constexpr Duration ENTERING_MAX = 10s;
inline constexpr Duration LEAVING_MAX = 2s;
inline constexpr std::size_t WAITING_BYTES_MAX = 2 << 20;  // on `events`, unacknowledged: then it is too slow
// What others did to the world is shown at once if nothing was since this session's last turn at a pose
// table; what comes after waits for the next turn and shares its datagram: in a crowd that is a third of the
// datagrams. Nobody waits longer than HELD_TIME_MAX, and who acted never does.
inline constexpr Duration HELD_TIME_MAX = 40ms;
inline constexpr std::size_t HELD_BYTES_MAX = 4'096;     // then all of it goes
inline constexpr std::uint32_t MESSAGES_A_SECOND = 200;  // from a client, on average; twice that in a burst

struct Admitted {
  std::variant<region::Admission, std::string> answer;
};
struct Happened {  // on the carrier
  CarrierEvent event;
};
struct FromRegion {
  region::ToSession message;
};
struct RegionLost {};  // it crashed: enter again
struct PosesCame {
  std::shared_ptr<const region::PoseTable> table;
  SessionId from{};  // of the hub: sessions before it have seen this table
};
struct SayGoodbye {
  wire::GoodbyeReason reason{};
  std::string detail;
};
using SessionMessage = std::variant<Admitted, Happened, FromRegion, RegionLost, PosesCame, SayGoodbye>;

// What all sessions share. Everything outlives them.
struct SessionSettings {
  std::uint8_t state_hz = 30;
  std::uint8_t view_chunks = 4;          // radius
  std::int32_t world_edge_mm = 512'000;  // half the world's side
  std::uint64_t content_hash = 0;
  std::size_t state_bytes_a_second = 32'000;  // 256 kbit/s
  region::Steps* steps = nullptr;             // hears what is sent, if anybody wants to know
};
struct SessionSurroundings {
  SessionSettings settings;
  const platform::Clock& clock;
  std::shared_ptr<Line> line;
  std::shared_ptr<Figures> figures;
  std::shared_ptr<region::PosePort> poses;
  actor::Ref<region::Message> region;
};

class Session final : public actor::Actor<SessionMessage> {
 public:
  Session(actor::Life life, SessionSurroundings surroundings, SessionId id, Connect request);
  ~Session() override;

  void on_start() override;
  void receive(SessionMessage message) override;

 private:
  using State = SessionState;
  void become(State state);
  void expect_within(Duration span, const char* what);

  void on(Admitted message);
  void on(Happened message);
  void on(FromRegion message);
  void on(RegionLost);
  void on(PosesCame message);
  void on(SayGoodbye message);

  void refuse(unsigned status, std::string code, std::string message);
  Result<void> open_carrier(ConnectAnswer& answer);
  void told(const CarrierOpened&);
  void told(const CarrierMessage& message);
  void told(const CarrierBroken& broken);
  void told(const ChannelClosed&);
  void told(const CarrierClosed& closed);
  void on_event(ByteView bytes);
  void on_state(ByteView bytes);
  void told(region::Entered entered);
  void told(region::Told told);
  void told(region::ToldAll told);
  void told(region::Ended ended);

  void hold(region::SharedBytes bytes);
  void send_held();
  bool send_event(const wire::ServerEvent& event);
  bool send_event_bytes(ByteView bytes);
  bool ask_region(region::Message message);
  void look_around(const Vec3& position);
  void goodbye(wire::GoodbyeReason reason, std::string detail);
  void close_when_drained(Time deadline);
  bool within_rate();

  // constant after construction
  const SessionSurroundings around_;
  const SessionId id_;

  // owned by this executor
  State state_ = State::ADMITTING;
  Connect request_;
  std::uint64_t phase_ = 0;           // counts transitions: a deadline belongs to one
  std::shared_ptr<Carrier> carrier_;  // from admitting on, until it is closed
  bool is_tunnel_ = false;
  PlayerId player_{};
  FrameNo frame_{};  // the last durable one that we heard of
  Interest interest_;
  std::optional<Avatars> avatars_;
  std::vector<region::SharedBytes> held_;
  std::size_t held_bytes_ = 0;     // in packets, with each message's header
  bool shown_since_turn_ = false;  // a change of the world
  bool held_timer_ = false;
  std::uint32_t rate_allowance_ = 2 * MESSAGES_A_SECOND;
  Time rate_since_{};
  Bytes scratch_;
  std::vector<ByteView> rows_;
};

}  // namespace everframe::gateway
