// Region: the actor that owns a range of chunks and runs their frames (design.md section 3). At most one T1
// and one T2 are in flight; while they are, what arrives gathers, so a slow store gives larger transactions,
// not longer queues. Nothing is shown before it is durable (P2).
//
//   Act --> arrivals --T1--> queue ('accepted') --> frame: apply, T2 --> release ('applied', chunk changes)
//   PoseMade --> Poses --> one PoseTable a tick --> everybody              (never waits for the store, P7)
//
// After a crash the next incarnation takes the region over with a higher epoch, reads the queue and goes on;
// a commit of the old one that wakes late finds the epoch changed and does nothing (P5). Threads: everything
// on the actor's executor. Limits: ARRIVALS_MAX, QUEUE_MAX, CHUNKS_KEPT below.
#pragma once
#include <deque>
#include <map>
#include <set>
#include <unordered_map>

#include "actor/actor.h"
#include "base/random.h"
#include "platform/clock.h"
#include "region/messages.h"
#include "region/poses.h"
#include "region/records.h"
#include "region/steps.h"
#include "store/database.h"
#include "store/world_keys.h"
#include "world/state.h"

namespace everframe::region {

inline constexpr std::size_t ARRIVALS_MAX = 20'000;     // actions before T1: four seconds of 5,000 players
inline constexpr std::size_t QUEUE_MAX = 100'000;       // actions between T1 and T2
inline constexpr std::size_t T1_ACTIONS_MAX = 2'000;    // of one transaction: 100 kB of rows
inline constexpr std::size_t FRAME_INPUTS_MAX = 2'000;  // keeps a T2 under 1 MB
inline constexpr std::size_t CHUNKS_KEPT = 8'192;       // warm chunks that nobody needs: about 30 MB
inline constexpr Duration POSES_SAVED_EVERY = 500ms;    // P7 allows 1 s; a frame may take the rest

class Region final : public actor::Actor<Message> {
 public:
  struct Options {
    RegionId id{1};
    Duration frame_interval_min = 2ms;
    std::uint32_t state_hz = 30;  // poses a second to each session, while anybody moves
  };
  // All outlive the actor. The store must hold a world (genesis.h).
  struct World {
    const world::Content& content;
    store::Database& database;
    const store::WorldKeys& keys;
    platform::Entropy& entropy;
    const platform::Clock& clock;
    Steps* steps = nullptr;  // hears what happens, if anybody wants to know
  };
  Region(actor::Life life, World world, Options options);

  void on_start() override;
  void receive(Message message) override;

 private:
  struct Session {
    PlayerId player{};
    std::shared_ptr<SessionPort> port;
    std::shared_ptr<PosePort> poses;
    std::set<ChunkCode> watched;
  };
  // A player that is in the world, or whose actions are still under way.
  struct PlayerWork {
    SessionId session{};                // 0: away
    ActionSeq taken{};                  // the last that was taken into arrivals
    ActionSeq durable{};                // the last that T1 made durable
    ActionSeq answered{};               // the last whose frame is durable
    std::size_t pins = 0;               // coroutines that need the player loaded
    std::optional<ChunkCode> around{};  // its surroundings were last asked for from here
  };
  struct Queued {
    world::Input input;
    Time arrived{};
  };
  struct Joining {
    Admit request;
    PlayerId player{};
    std::string token;
    std::string account_key;
    std::string name;
  };
  struct ReplicatedChunk {
    std::uint64_t version = 0;
    std::set<SessionId> watchers;
    std::uint64_t used = 0;  // for eviction: the use count when it was last needed
    SharedBytes snapshot;    // of `version`, encoded when first asked for
  };

  // ---- sessions.cpp: who is here ----
  void on(Admit request);
  void on(Enter request);
  void on(Leave request);
  void on(Act request);
  void on(PoseMade request);
  void on(Watch request);
  void on(Unwatch request);
  void on(Resync request);
  void on(Drain request);
  void on(AskFigures request);
  Task<> admit(Admit request);
  Task<> enter(Enter request);
  void bring_in(Enter& request);
  void leave(SessionId id, const Ended* ended);
  void answer_again(const Act& request, const world::Player& player, const PlayerWork& work);
  void tell(PlayerId player, wire::ServerEvent event);
  void answer(SessionPort& port, PlayerId player, wire::ServerEvent event);
  void drained_if_done();
  void refuse_early(SessionId session, ActionSeq seq, world::Refusal why);
  std::vector<wire::Stack> inventory_of(const world::Player& player) const;

  // ---- frame_cycle.cpp: T1, frame, T2, release ----
  Task<> take_over();
  Task<> read_queue();
  void start_t1();
  Task<> t1();
  void start_frame();
  bool work_waits();
  Task<> frame();
  struct Work {  // one frame's
    world::Frame frame;
    world::Effects effects;
    std::vector<Queued> actions;
    std::vector<Joining> joins;
    std::map<PlayerId, Poses::Place> moves;
    Head head;  // after it
  };
  void gather(Work& work);
  void gather_actions(Work& work);
  void add_move(Work& work, PlayerId player);
  Task<> commit(const Work& work);
  void write_rows(store::Transaction& transaction, const Work& work);
  void release(Work& work);
  // Awaited: ready when no frame is in flight, so that the state holds nothing that is not durable. What
  // follows it must show the state before its next co_await.
  auto settled() {
    struct Awaiter {
      Region& region;
      bool await_ready() { return !region.frame_running_; }
      void await_suspend(std::coroutine_handle<> handle) {
        region.after_release_.push_back([handle] { handle.resume(); });
      }
      void await_resume() {}
    };
    return Awaiter{*this};
  }
  void arm_due();
  WallMs world_time() const;
  // Tells the trace, if there is one; only then are the actions asked for.
  template <class Actions>
  void step(Step::Kind kind, FrameNo frame, const Actions& actions) const {
    if (world_.steps != nullptr) world_.steps->take({kind, options_.id, epoch_, frame, actions()});
  }

  // ---- chunks.cpp: what is loaded, and who sees it ----
  Task<> load_chunk(ChunkCode code);
  Task<> read_chunk(ChunkCode code);
  Task<> load_around(Vec3 position);
  bool ready_around(const Vec3& position);  // else it begins to load
  Task<bool> load_player(PlayerId id);      // with its body and its surroundings; false: there is none
  Task<> watch(SessionId id, std::vector<ChunkCode> codes);
  void unwatch(ChunkCode code, SessionId id);
  void send_snapshot(ChunkCode code, SessionId id);
  std::vector<ToldAll> changes_of(const world::Effects& effects);
  void show(const std::vector<ToldAll>& changes, const std::set<SessionId>& actors, bool to_actors);
  void evict();
  void forget_idle_player(PlayerId id);

  // ---- poses ----
  void arm_tick();
  void tick();

  // constant after construction
  const World world_;
  const Options options_;

  // owned by this executor
  Prng dice_;                          // seeds frames; the seed of each is in its record
  std::optional<world::State> state_;  // from the take-over on
  Poses poses_;
  Head head_;
  std::uint64_t epoch_ = 0;
  bool open_ = false;  // the region is ours, the queue is read
  std::deque<Message> before_open_;
  std::unordered_map<SessionId, Session> sessions_;
  std::map<PlayerId, PlayerWork> work_;
  std::deque<Queued> arrivals_;
  std::deque<Queued> queue_;
  std::deque<Joining> joining_;
  std::vector<std::pair<PlayerId, Poses::Place>> farewells_;  // where those who left stood, not saved yet
  std::unordered_map<ChunkCode, ReplicatedChunk> chunks_;
  std::unordered_map<ChunkCode, std::vector<Function<void()>>> loading_;
  std::uint64_t use_count_ = 0;
  std::set<ChunkCode> in_flight_;                                   // chunks that the frame in flight changed
  std::vector<std::pair<ChunkCode, SessionId>> snapshots_waiting_;  // for its end
  std::vector<Function<void()>> after_release_;
  std::set<PlayerId> maybe_idle_;  // to be looked at when no frame is in flight
  bool t1_running_ = false;
  bool frame_running_ = false;
  bool frame_armed_ = false;
  bool save_poses_ = false;
  bool save_armed_ = false;
  bool tick_armed_ = false;
  platform::TimerId due_timer_{};
  Time last_frame_{};
  Time last_tick_{};
  Function<void()> drained_;
  bool draining_ = false;
  Figures figures_;
};

}  // namespace everframe::region
