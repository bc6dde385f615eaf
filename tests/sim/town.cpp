#include "town.h"

#include <spdlog/details/null_mutex.h>
#include <spdlog/sinks/base_sink.h>

#include <algorithm>
#include <fstream>
#include <sstream>

#include "base/log.h"
#include "embedded/engine.h"
#include "openssl_seed.h"

namespace everframe::sim {

namespace {

constexpr Duration WELL_WITHIN = 40s;  // after the last fault: backoffs and time-outs run out
constexpr Duration DRAINED_WITHIN = 20s;
constexpr Duration GOES_ON_WITHIN = 1s;  // after any actor's crash
constexpr Duration JUDGED_WITHIN = 60s;
constexpr Duration LOOK_EVERY = 100ms;
constexpr std::uint64_t NARROW_BYTES_A_SECOND = 6'000;
constexpr char SESSION_STATES[] = "spec/session_states.md";

Town* disturbed = nullptr;  // whose actors are disturbed; one town runs at a time

// What a server logs is part of what happens.
class LogSink final : public spdlog::sinks::base_sink<spdlog::details::null_mutex> {
 public:
  explicit LogSink(platform_sim::VirtualWorld& world) : world_(world) {}

 private:
  void sink_it_(const spdlog::details::log_msg& message) override {
    world_.note("log: {}", std::string_view(message.payload.data(), message.payload.size()));
  }
  void flush_() override {}
  platform_sim::VirtualWorld& world_;
};

Address first_host() {
  return Address::v4(10, 0, 0, 1, 0);
}

platform_sim::SimulatedNetwork::Conditions well() {
  platform_sim::SimulatedNetwork::Conditions conditions;
  conditions.latency_low = 1ms;
  conditions.latency_high = 2ms;
  return conditions;
}

}  // namespace

Town::Town(const Scenario& scenario, std::uint64_t seed, const world::Content& content,
           const bots::Pack& pack, bool print)
    : scenario_(scenario), content_(content), world_(seed), network_(world_), disk_(seed ^ 0xd15c) {
  world_.trace().print_as_it_happens(print);
  world_.set_pace(scenario.pace);
  network_.set_conditions(scenario.network);
  disk_.be_slow(scenario.disk, [this](Duration span) { world_.spend(span); });
  disk_.tear_inside_sectors(scenario.tearing_disk);
  seed_openssl(seed, world_.clock());
  auto certificate = transport::Certificate::make();
  EF_ASSERT(certificate.has_value());
  stage_.emplace(Stage{world_, network_, *certificate, content_, keys_, steps_, scenario.gateways});
  around_.emplace(Surroundings{
      world_, network_, *certificate, pack, journal_,
      [this](gateway::Connect request, platform::Executor& client) { connect(std::move(request), client); },
      scenario.actions_a_second, scenario.poses_a_second, scenario.tunnels_permille,
      [this] { return serving() != nullptr && network_.is_cut_off(serving()->host()); }});
  disturbed = this;
  actor::disturbance = disturb;
  spdlog::set_default_logger(std::make_shared<spdlog::logger>("town", std::make_shared<LogSink>(world_)));
}

Town::~Town() {
  actor::disturbance = nullptr;
  disturbed = nullptr;
  players_.clear();
  unseed_openssl();
  spdlog::set_default_logger(std::make_shared<spdlog::logger>("none"));
}

Duration Town::draw(const Span& span) {
  return Duration(world_.dice().between(span.low.count(), span.high.count()));
}

Server* Town::serving() {
  for (auto server = servers_.rbegin(); server != servers_.rend(); ++server) {
    if ((*server)->serving()) return server->get();
  }
  return nullptr;
}

// ---- the machine ----

void Town::boot() {
  if (judging_) return;
  restarting_ = false;
  store_ = std::make_unique<platform_sim::Process>(world_, fmt::format("store {}", lives_ + 1));
  embedded::Host host;
  host.disk = &disk_;
  host.clock = &world_.clock();
  host.seed = world_.dice().next();
  if (faulty_) host.faults = scenario_.store;
  host.faults.seed = world_.dice().next();
  host.executors = {&store_->executor("commit"), &store_->executor("settle")};
  host.segment_bytes = scenario_.log_segment_kb << 10;
  embedded::configure(host);
  start_server(first_host());
}

void Town::start_server(const Address& host) {
  const unsigned number = ++lives_;
  world_.note("machine: server {} starts", number);
  const auto when_ended = [this, number](int status, const std::string& why) {
    for (const auto& server : servers_) {
      if (server->number() == number) return ended(*server, status, why);
    }
  };
  servers_.push_back(std::make_unique<Server>(*stage_, number, host, when_ended));
  servers_.back()->start();
}

void Town::ended(Server& server, int status, const std::string& why) {
  world_.note("machine: server {} ends with status {}: {}", server.number(), status, why);
  if (status == 0) {
    drained_ = true;
    return;
  }
  const bool rotten = flip_ && why.find("amage") != std::string::npos;
  if (rotten) world_.note("machine: the backup's sector is put back");
  if (rotten) disk_.unflip(*std::exchange(flip_, std::nullopt));
  if (!faulty_) disk_.set_capacity(platform_sim::SimulatedDisk::NEVER);
  crash(false, "is started again");
}

void Town::crash(bool power_lost, const char* how) {
  if (std::exchange(restarting_, true)) return;
  world_.note("machine: {}", how);
  for (const auto& server : servers_) server->process().stop();
  store_->stop();
  disk_.stop();
  tear_down();
  disk_.restart(power_lost);
  world_.after(Duration(world_.dice().between(20'000, 300'000)), [this] { boot(); });
}

// What the stopped processes had in memory. None of it is seen, but all of it has to end.
void Town::tear_down() {
  for (const auto& server : servers_) server->tear_down();
  std::vector<platform_sim::Process*> processes{store_.get()};
  for (const auto& server : servers_) processes.push_back(&server->process());
  platform_sim::Process::bury(processes, [this] {
    for (const auto& server : servers_) server->close_store();
  });
  servers_.clear();
  store_.reset();
}

void Town::connect(gateway::Connect request, platform::Executor& client) {
  const Duration there = network_.latency();
  const Duration back = network_.latency();
  const auto reply = std::make_shared<Function<void(gateway::ConnectReply)>>(std::move(request.reply));
  request.reply = [this, &client, back, reply](gateway::ConnectReply answer) {
    world_.after(back, [&client, reply, held = std::make_shared<gateway::ConnectReply>(std::move(answer))] {
      client.post([reply, held] { (*reply)(std::move(*held)); });
    });
  };
  world_.after(there, [this, held = std::make_shared<gateway::Connect>(std::move(request))] {
    Server* const server = serving();
    if (server == nullptr) return held->reply(gateway::ConnectRefusal{0, "connection refused", {}});
    if (network_.is_cut_off(server->host())) return;
    server->connect(std::move(*held));
  });
}

// ---- faults ----

void Town::plan(const Fault& fault) {
  world_.after(draw(fault.every), [this, &fault] {
    if (!faulty_) return;
    strike(fault);
    plan(fault);
  });
}

void Town::strike(const Fault& fault) {
  Server* const server = serving();
  switch (fault.kind) {
    case Fault::Kind::KILL:
      return crash(false, "the server is killed");
    case Fault::Kind::POWER:
      return crash(true, "the power goes");
    case Fault::Kind::CUT:
    case Fault::Kind::DISK_FULL:
    case Fault::Kind::SYNC_FAILS:
    case Fault::Kind::ROT:
      return strike_disk(fault);
    case Fault::Kind::HOLD_UP:
      if (server == nullptr) return;
      world_.note("machine: server {} is not scheduled", server->number());
      return server->process().hold_up(world_.now() + draw(fault.lasts));
    case Fault::Kind::PARTITION:
      world_.note("network: the server is cut off");
      network_.cut_off(first_host(), true);
      return world_.after(draw(fault.lasts), [this] {
        world_.note("network: the server is reached again");
        network_.cut_off(first_host(), false);
      });
    case Fault::Kind::CRASH:
      doomed_ = fault.actor;
      return;
    case Fault::Kind::CRASH_EACH:
      return doom_next();
    case Fault::Kind::SECOND_OWNER:
      return second_owner(fault);
    default:
      return strike_player(fault);
  }
}

void Town::strike_disk(const Fault& fault) {
  if (restarting_) return;
  Prng& dice = world_.dice();
  if (fault.kind == Fault::Kind::CUT) {
    disk_.cut_power_after(dice.below(24), [this] {
      // Within a disk operation: from here on nothing of the machine is seen; it falls once that work ends.
      for (const auto& server : servers_) server->process().stop();
      store_->stop();
      world_.after(Duration(0), [this] { crash(true, "the power goes within a disk operation"); });
    });
  } else if (fault.kind == Fault::Kind::DISK_FULL) {
    world_.note("disk: full");
    disk_.set_capacity(disk_.used() + dice.below(scenario_.log_segment_kb << 7));
    world_.after(draw(fault.lasts), [this] { disk_.set_capacity(platform_sim::SimulatedDisk::NEVER); });
  } else if (fault.kind == Fault::Kind::SYNC_FAILS) {
    world_.note("disk: a sync will fail");
    disk_.fail_sync_after(dice.below(3));
  } else {
    crash(false, "the server is killed, and a bit of the log flips");
    platform_sim::SimulatedDisk::Flip flip;
    if (disk_.flip(".log", flip)) flip_ = flip;
  }
}

void Town::strike_player(const Fault& fault) {
  if (players_.empty()) return;
  Player& player = *players_[world_.dice().below(players_.size())];
  switch (fault.kind) {
    case Fault::Kind::REBIND:
      return network_.rebind(player.host());
    case Fault::Kind::RECONNECT:
      return player.drop_connection();
    case Fault::Kind::PLAYER_KILL:
      return player.kill();
    case Fault::Kind::RESEND:
      return player.resend();
    default:
      world_.note("network: the line to {} is narrow", player.host().ip_text());
      network_.narrow(player.host(), NARROW_BYTES_A_SECOND);
      return world_.after(draw(fault.lasts), [this, &player] { network_.narrow(player.host(), 0); });
  }
}

// As with a cluster's store: the engine goes on, another process takes the world, the first one wakes late.
void Town::second_owner(const Fault& fault) {
  Server* const first = serving();
  if (first == nullptr || restarting_ || servers_.size() > 6) return;
  const Duration span = draw(fault.lasts);
  world_.note("machine: server {} is not scheduled, another one starts", first->number());
  first->process().hold_up(world_.now() + span);
  start_server(Address::v4(10, 0, 0, static_cast<std::uint8_t>(servers_.size() + 1), 0));
  // It is ended for good a while after it woke.
  world_.after(span + Duration(world_.dice().between(0, 600'000)), [this, number = first->number()] {
    for (const auto& server : servers_) {
      if (server->number() != number || servers_.back()->number() == number) continue;
      world_.note("machine: server {} is ended", number);
      server->process().stop();
    }
  });
}

void Town::disturb(const actor::Cell& cell, const char* what) {
  Town* const town = disturbed;
  if (town == nullptr || !town->doomed_ || !cell.name().starts_with(*town->doomed_)) return;
  const std::string_view kind(what);
  if (kind != "message" && kind != "timer" && kind != "line") return;
  town->doomed_.reset();
  if (town->doomed_once_.contains(cell.name())) town->must_go_on(cell.name());
  ++town->crashes_;
  town->world_.note("actor {}: meets a bug in a {}", cell.name(), what);
  throw std::runtime_error("injected by the simulation");
}

// The eldest of the tree that has not been: region and hubs, then one session after the other.
void Town::doom_next() {
  const Server* const server = serving();
  if (server == nullptr) return;
  for (const actor::Registry::Entry& entry : server->actors().list()) {
    if (!entry.is_actor || !doomed_once_.insert(entry.name).second) continue;
    doomed_ = entry.name;
    return;
  }
}

void Town::must_go_on(const std::string& actor) {
  world_.after(GOES_ON_WITHIN, [this, actor, since = world_.now(), frame = journal_.shown] {
    if (!faulty_) return;  // they rest
    Report report(outcome_.findings, "going_on");
    if (journal_.shown <= frame) report("1 s after actor {} crashed nobody was shown a new frame", actor);
    for (std::size_t i = 0; i < journal_.players.size(); ++i) {
      const PlayerJournal& player = journal_.players[i];
      const bool acts = std::any_of(player.answers.begin(), player.answers.end(),
                                    [&](const auto& answer) { return player.sent.at(answer.first) > since; });
      if (!acts) report("1 s after actor {} crashed player {} had no new action answered", actor, i);
    }
  });
}

// ---- the end ----

void Town::heal() {
  world_.note("everything is made well");
  faulty_ = false;
  doomed_.reset();
  network_.set_conditions(well());
  for (int host = 1; host < 10; ++host)
    network_.cut_off(Address::v4(10, 0, 0, static_cast<std::uint8_t>(host), 0), false);
  for (const auto& player : players_) {
    network_.narrow(player->host(), 0);
    player->rest();
  }
  disk_.cut_power_after(platform_sim::SimulatedDisk::NEVER);
  disk_.fail_sync_after(platform_sim::SimulatedDisk::NEVER);
  disk_.set_capacity(platform_sim::SimulatedDisk::NEVER);
}

bool Town::is_well() {
  if (serving() == nullptr) return false;  // it may be down while the players do not know it yet
  for (const auto& player : players_) {
    if (!player->in_world() || player->unanswered() > 0) return false;
  }
  return true;
}

void Town::become_well() {
  const Time deadline = world_.now() + WELL_WITHIN;
  while (!is_well() && world_.now() < deadline) world_.run_for(LOOK_EVERY);
  if (is_well()) return;
  Report report(outcome_.findings, "liveness");
  for (std::size_t i = 0; i < players_.size(); ++i) {
    if (players_[i]->in_world() && players_[i]->unanswered() == 0) continue;
    report("{} s after the last fault player {} {}, {} of its actions are unanswered",
           WELL_WITHIN.count() / 1'000'000, i,
           players_[i]->in_world() ? "is in the world" : "is not in the world", players_[i]->unanswered());
  }
}

// The disk may have failed before it was made well, and nobody wrote since: then what a server saves as it
// stops finds its store stopped, the server ends by itself, and the next one is told.
void Town::drain() {
  const auto fails_disk = [](const Fault& fault) {
    return fault.kind == Fault::Kind::DISK_FULL || fault.kind == Fault::Kind::SYNC_FAILS;
  };
  const unsigned told = lives_;
  tell_to_stop();
  const bool may_have_failed =
      std::any_of(scenario_.faults.begin(), scenario_.faults.end(), fails_disk) && lives_ > told;
  if (may_have_failed) {
    become_well();
    tell_to_stop();
  }
  Report report(outcome_.findings, "liveness");
  if (!drained_) report("no server stopped in good order when it was told to");
}

void Town::tell_to_stop() {
  Server* const server = serving();
  if (server == nullptr) return;
  // Who crashes in this scenario does so once more, while it drains.
  for (const Fault& fault : scenario_.faults) {
    if (fault.kind == Fault::Kind::CRASH) doomed_ = fault.actor;
    if (fault.kind == Fault::Kind::CRASH_EACH) doomed_ = world_.dice().below(2) == 0 ? "region" : "hub";
  }
  const unsigned told = lives_;
  server->drain();
  const Time deadline = world_.now() + DRAINED_WITHIN;
  while (!drained_ && lives_ == told && world_.now() < deadline) world_.run_for(LOOK_EVERY);
}

void Town::judge() {
  judging_ = true;  // a machine that is down stays so
  outcome_.crashes = crashes_;
  faulty_ = false;
  history_.pause();
  for (const auto& server : servers_) server->process().stop();
  if (store_) {  // else the machine is down
    store_->stop();
    disk_.stop();
    tear_down();
  }
  disk_.restart(world_.dice().below(2) ==
                0);  // what was acknowledged is there, whether or not the power went
  platform_sim::Process process(world_, "judge");
  platform::Executor& executor = process.executor("judge");
  embedded::Host host;
  host.disk = &disk_;
  host.clock = &world_.clock();
  host.executors = {&executor, &executor};
  host.segment_bytes = scenario_.log_segment_kb << 10;
  embedded::configure(host);
  std::unique_ptr<store::Database> database;
  bool done = false;
  Content stored;
  const auto work = [&]() -> Task<> {
    auto opened = store::Database::open(embedded::api(), STORE, embedded::why_not_opened);
    if (!opened) {
      Report(outcome_.findings, "world")("the store does not open: {}", opened.error().text);
      co_return;
    }
    database = std::move(*opened);
    co_await check_world(*database, executor, content_, "town", outcome_.findings);
    co_await check_sights_and_answers(*database, executor, content_, "town", journal_, outcome_.findings);
    store::Transaction reader = database->begin(executor);
    store::KeyRange all{"", "\xff"};
    const auto rows = co_await reader.get_range(all);
    if (!rows) co_return Report(outcome_.findings, "history")("{}", rows.error().text);
    for (const store::KeyValue& row : *rows) stored.emplace(row.key, row.value);
  };
  executor.post([&] {
    spawn(work(), [&](std::exception_ptr error) {
      try {
        if (error) std::rethrow_exception(error);
      } catch (const std::exception& failure) {
        Report(outcome_.findings, "world")("the judge stumbled: {}", failure.what());
      }
      done = true;
    });
  });
  const Time deadline = world_.now() + JUDGED_WITHIN;
  while (!done && world_.now() < deadline) world_.run_for(LOOK_EVERY);
  if (!done) Report(outcome_.findings, "world")("the judge found no end");
  process.stop();
  database.reset();
  platform_sim::Process::bury({&process}, [] {});
  if (!stored.empty()) check_history(history_, stored, keys_, outcome_.findings);
  std::ifstream spec(SESSION_STATES);
  std::stringstream text;
  text << spec.rdbuf();
  check_sessions(journal_, text.str(), outcome_.findings);
  Report trouble(outcome_.findings, "clients");
  for (const std::string& each : journal_.troubles) trouble("{}", each);
}

Outcome Town::run() {
  boot();
  // The first world is made before anything goes wrong; a scenario may still kill the server while it is.
  for (std::size_t i = 0; i < scenario_.players; ++i)
    players_.push_back(std::make_unique<Player>(i, *around_));
  for (const auto& player : players_) {
    world_.after(Duration(world_.dice().between(0, scenario_.joining.count())),
                 [&player] { player->enter(); });
  }
  for (const Fault& fault : scenario_.faults) world_.after(fault.from, [this, &fault] { plan(fault); });
  world_.run_for(scenario_.length);
  heal();
  become_well();
  outcome_.last_events = world_.trace().last();
  drain();
  judge();
  for (const auto& player : players_) player->end();
  outcome_.hash = world_.trace().hash();
  if (outcome_.findings.empty()) outcome_.last_events.clear();
  outcome_.steps = world_.steps();
  outcome_.frames = raw(journal_.shown);
  outcome_.answered = journal_.answered;
  outcome_.applied = journal_.applied;
  outcome_.lives = lives_;
  outcome_.transactions = history_.attempts().size();
  outcome_.ended = world_.now();
  return std::move(outcome_);
}

}  // namespace everframe::sim
