#include "town.h"

#include <algorithm>

#include "actor/supervisor.h"
#include "base/random.h"
#include "embedded/engine.h"
#include "embedded/faults.h"
#include "journal.h"
#include "platform_os/asio_executor.h"
#include "platform_os/line_file.h"
#include "platform_os/os_clock.h"
#include "platform_os/os_disk.h"
#include "quick_content.h"
#include "region/genesis.h"
#include "region/region.h"
#include "world/generate.h"

namespace everframe::recovery {

namespace {

constexpr std::uint64_t UNANSWERED = 8;  // of one player
constexpr std::uint64_t MORE_ACTIONS = 30;
constexpr std::uint64_t LAST_ACTION_MAX = 3'000;
constexpr std::uint64_t STEPS_BYTES_MAX = 1'000'000'000;

embedded::Faults bad_day(std::uint64_t seed) {
  embedded::Faults faults;
  faults.seed = seed;
  faults.read_version = {100us, 2'000us};
  faults.read = {50us, 500us};
  faults.commit = {500us, 5'000us};
  faults.too_old_permille = 10;
  faults.conflict_permille = 40;
  faults.unknown_applied_permille = 50;
  faults.unknown_lost_permille = 50;
  return faults;
}

class Deaf final : public region::PosePort {
 public:
  void tell(std::shared_ptr<const region::PoseTable>) override {}
};

class Town;

// One player, on the town's executor.
class Dweller final : public region::SessionPort, public std::enable_shared_from_this<Dweller> {
 public:
  Dweller(Town& town, std::size_t index, const Player& before)
      : town_(town),
        index_(index),
        token_(before.token),
        sent_before_(before.sent),
        answered_before_(before.answers.empty() ? 0 : before.answers.rbegin()->first) {}

  void arrive();
  void tell(region::ToSession message) override;
  void send_more();
  std::uint64_t sent() const { return sent_; }
  bool done() const;

 private:
  void admitted(std::variant<region::Admission, std::string> answer);
  void on(const region::Entered& entered);
  void on(const region::Told& told);
  void on(const region::Ended& ended);
  void on(const region::ToldAll&) {}
  void answered(ActionSeq seq, FrameNo frame, std::uint8_t reason);
  void send(std::uint64_t seq);
  wire::ActionBody action(std::uint64_t seq);

  Town& town_;
  const std::size_t index_;
  std::string token_;
  const std::uint64_t sent_before_;  // by an earlier life
  // What followed is sent again as it was, whether the region knows it or not; and the last answered one too:
  // it must be answered as it was at first.
  const std::uint64_t answered_before_;
  SessionId session_{};
  EntityId body_{};
  bool in_ = false;
  std::uint64_t sent_ = 0;
  std::uint64_t answered_ = 0;
  std::uint64_t poses_ = 0;
};

class Town {
 public:
  Town(const std::string& store_directory, const std::string& journal_path, std::uint64_t last_action,
       std::uint64_t fault_seed)
      : last(last_action),
        before_(read_journal(journal_path)),
        journal(journal_path),
        has_faults_(fault_seed != 0),
        steps_file_(platform_os::LineFile::open(journal_path + STEPS).value()) {
    embedded::configure({&disk_, &clock_, 1, has_faults_ ? bad_day(fault_seed) : embedded::Faults{}});
    auto opened =
        store::Database::open(embedded::api(), "embedded:" + store_directory, embedded::why_not_opened);
    if (!opened) throw std::runtime_error(opened.error().text);
    database_ = std::move(*opened);
    for (const ChunkCode code : world::new_world_chunks()) {
      const ChunkPos chunk = pos_of(code);
      if (std::abs(chunk.x) > 1 || std::abs(chunk.z) > 1) continue;
      for (const auto& entity : world::generate_chunk(content, WORLD_SEED, code)) entities.push_back(entity);
    }
  }

  int live() {
    executor.post([this] {
      spawn(begin(), [](std::exception_ptr error) {
        if (error) std::rethrow_exception(error);
      });
    });
    executor.run();
    return met_its_faults() ? 0 : FAULTS_DID_NOTHING;
  }

  void check_done() {
    const bool all = std::all_of(dwellers_.begin(), dwellers_.end(), [](const auto& d) { return d->done(); });
    if (last == 0 || !all || ending_) return;
    ending_ = true;
    region.cast(region::AskFigures{[this](const region::Figures& figures) {
      figures_ = figures;
      executor.post([this] { end_or_go_on(); });
    }});
  }
  SessionId new_session() { return SessionId{++sessions_}; }

  const world::Content& content = inspect::quick_content();
  std::uint64_t last;  // action of each player; 0: without end

 private:
  const Journal before_;

 public:
  JournalWriter journal;
  std::vector<world::Entity> entities;  // that stood around the middle when the world was new
  platform_os::AsioExecutor executor{"town"};
  actor::Ref<region::Message> region;
  const std::shared_ptr<Deaf> deaf = std::make_shared<Deaf>();

 private:
  Task<> begin() {
    const auto made = co_await region::ensure_world(*database_, executor, keys_, content, WORLD_SEED,
                                                    [](std::size_t, std::size_t) {});
    if (!made) throw std::runtime_error(made.error().text);
    actor::ChildSpec spec{"region", actor::Restart::PERMANENT, executor, actor::MAILBOX_LIMIT};
    region = supervisor_.start_child<region::Message>(spec, [this](actor::Life life) {
      const region::Region::World world{content, *database_, keys_, entropy_, clock_, &steps_};
      return std::make_unique<region::Region>(std::move(life), world, region::Region::Options{});
    });
    for (std::size_t i = 0; i < PLAYERS; ++i) {
      const auto known = before_.players.find(i);
      dwellers_.push_back(
          std::make_shared<Dweller>(*this, i, known == before_.players.end() ? Player{} : known->second));
      dwellers_.back()->arrive();
    }
  }

  // A busy machine makes few and large frames: the dice may not have met one of them with each fault yet.
  void end_or_go_on() {
    if (met_its_faults() || last > LAST_ACTION_MAX) {
      region.cast(region::Drain{[this] { supervisor_.stop([this] { executor.stop(); }); }});
      return;
    }
    ending_ = false;
    for (const auto& dweller : dwellers_) last = std::max(last, dweller->sent());
    last += MORE_ACTIONS;
    for (const auto& dweller : dwellers_) dweller->send_more();
  }
  bool met_its_faults() const {
    return !has_faults_ || (figures_.conflicts > 0 && figures_.unknown_results > 0);
  }

  const bool has_faults_;
  region::Figures figures_;
  platform_os::OsDisk disk_;
  platform_os::OsClock clock_;
  platform_os::OsEntropy entropy_;
  std::unique_ptr<store::Database> database_;
  const store::WorldKeys keys_{WORLD};
  actor::Supervisor supervisor_{executor, actor::Intensity{}, [](const std::string&) { _exit(4); }};
  const std::unique_ptr<platform_os::LineFile> steps_file_;
  region::StepLines steps_{[this](std::string_view line) { steps_file_->append(line); }, STEPS_BYTES_MAX};
  std::vector<std::shared_ptr<Dweller>> dwellers_;
  std::uint64_t sessions_ = 0;
  bool ending_ = false;
};

void Dweller::arrive() {
  std::optional<std::string> token;
  if (!token_.empty()) token = token_;
  town_.region.cast(region::Admit{token, fmt::format("Dweller {}", index_),
                                  [self = shared_from_this()](auto a) { self->admitted(std::move(a)); }});
}

void Dweller::admitted(std::variant<region::Admission, std::string> answer) {
  const auto* admission = std::get_if<region::Admission>(&answer);
  if (admission == nullptr) {
    return town_.journal.line("trouble {} not admitted: {}", index_, std::get<std::string>(answer));
  }
  if (token_.empty()) town_.journal.line("token {} {}", index_, admission->token);
  token_ = admission->token;
  session_ = town_.new_session();
  town_.region.cast(region::Enter{session_, admission->player, shared_from_this(), town_.deaf});
}

// The region tells from within its own work; what follows comes after it.
void Dweller::tell(region::ToSession message) {
  town_.executor.post([self = shared_from_this(), message = std::move(message)] {
    std::visit([&](const auto& kind) { self->on(kind); }, message);
  });
}

void Dweller::on(const region::Entered& entered) {
  town_.journal.line("entered {} {} {} {}", index_, raw(entered.player), raw(entered.body),
                     raw(entered.last_seq));
  if (raw(entered.last_seq) > sent_before_) {
    town_.journal.line("trouble {} last_seq {} was never sent", index_, raw(entered.last_seq));
  }
  body_ = entered.body;
  in_ = true;
  sent_ = answered_ = answered_before_ > 0 ? answered_before_ - 1 : 0;
  send_more();
}

void Dweller::on(const region::Told& told) {
  if (const auto* accepted = std::get_if<wire::Accepted>(&told.event)) {
    town_.journal.line("accepted {} {}", index_, raw(accepted->seq));
  } else if (const auto* applied = std::get_if<wire::Applied>(&told.event)) {
    answered(applied->seq, applied->frame, 0);
  } else if (const auto* refused = std::get_if<wire::Refused>(&told.event)) {
    answered(refused->seq, refused->frame, refused->reason);
  }
}

void Dweller::on(const region::Ended& ended) {
  town_.journal.line("trouble {} the session ended: {}", index_, ended.detail);
}

void Dweller::answered(ActionSeq seq, FrameNo frame, std::uint8_t reason) {
  if (raw(frame) == 0) {
    return town_.journal.line("trouble {} action {} was turned away: {}", index_, raw(seq), reason);
  }
  town_.journal.line("answered {} {} {} {}", index_, raw(seq), raw(frame), reason);
  answered_ = std::max(answered_, raw(seq));
  send_more();
  town_.check_done();
}

bool Dweller::done() const {
  return in_ && answered_ == sent_ && sent_ >= std::max(town_.last, sent_before_);
}

void Dweller::send_more() {
  const std::uint64_t end = town_.last == 0 ? UINT64_MAX : std::max(town_.last, sent_before_);
  while (sent_ < end && sent_ - answered_ < UNANSWERED) send(sent_ + 1);
}

void Dweller::send(std::uint64_t seq) {
  town_.journal.line("sent {} {}", index_, seq);
  sent_ = seq;
  wire::Action act{ActionSeq{seq}, action(seq)};
  town_.region.cast(region::Act{session_, std::move(act)});
}

// Depends on nothing but the player and the number, so that it can be sent again as it was.
wire::ActionBody Dweller::action(std::uint64_t seq) {
  Prng dice((std::uint64_t{index_} << 40) ^ seq);
  const world::Entity& target = town_.entities[dice.below(town_.entities.size())];
  wire::PoseUpdate walk;
  walk.pose_seq = ++poses_;
  walk.pose.position = {target.position.x + town_.content.entity(target.type)->radius_mm + 700, 0,
                        target.position.z};
  town_.region.cast(region::PoseMade{session_, walk});
  const Vec3& here = walk.pose.position;
  const auto some_item = [&] {
    return ItemType{static_cast<std::uint16_t>(dice.below(town_.content.items.size()))};
  };
  switch (dice.below(12)) {
    case 0: {
      const auto what = EntityType{static_cast<std::uint16_t>(dice.below(town_.content.entities.size()))};
      return wire::Build{what, {here.x + 2'000, 0, here.z}, 0};
    }
    case 1:
      return wire::Craft{RecipeId{static_cast<std::uint16_t>(dice.below(town_.content.recipes.size()))}, 1};
    case 2:
      return wire::Drop{{some_item(), 1 + dice.below(2)}};
    case 3:
      return wire::Transfer{target.id, {some_item(), 1}, dice.below(2) == 0};
    case 4:
      return wire::Idle{};
    case 5:
    case 6:
      return wire::PickUp{target.id};
    default:
      return wire::Harvest{target.id};
  }
}

}  // namespace

int live(const std::string& store_directory, const std::string& journal, std::uint64_t actions,
         std::uint64_t fault_seed) {
  return Town(store_directory, journal, actions, fault_seed).live();
}

}  // namespace everframe::recovery
