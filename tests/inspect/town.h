// For tests: a world in a store in memory with a region that runs it, and visitors who act in it, one action
// at a time. Everything blocks, at most PATIENCE.
#pragma once
#include <gtest/gtest.h>

#include <algorithm>
#include <condition_variable>
#include <future>
#include <mutex>
#include <thread>

#include "actor/supervisor.h"
#include "embedded/engine.h"
#include "inspect/rows.h"
#include "platform_os/asio_executor.h"
#include "platform_os/os_clock.h"
#include "quick_content.h"
#include "region/genesis.h"
#include "region/region.h"
#include "world/generate.h"

namespace everframe::inspect {

inline constexpr std::chrono::seconds PATIENCE{60};  // a hang ends the test

class Port final : public region::SessionPort {
 public:
  void tell(region::ToSession message) override {
    const std::lock_guard lock(mutex_);
    if (const auto* entered = std::get_if<region::Entered>(&message)) entered_ = *entered;
    if (const auto* told = std::get_if<region::Told>(&message)) {
      if (const auto* applied = std::get_if<wire::Applied>(&told->event)) {
        answers_[applied->seq] = world::Refusal::NONE;
      }
      if (const auto* refused = std::get_if<wire::Refused>(&told->event)) {
        answers_[refused->seq] = static_cast<world::Refusal>(refused->reason);
      }
    }
    changed_.notify_all();
  }
  region::Entered entered() {
    std::unique_lock lock(mutex_);
    EXPECT_TRUE(changed_.wait_for(lock, PATIENCE, [this] { return entered_.has_value(); }));
    return entered_.value();
  }
  world::Refusal answer(ActionSeq seq) {
    std::unique_lock lock(mutex_);
    EXPECT_TRUE(changed_.wait_for(lock, PATIENCE, [&] { return answers_.contains(seq); }));
    return answers_.at(seq);
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::optional<region::Entered> entered_;
  std::map<ActionSeq, world::Refusal> answers_;
};

class Deaf final : public region::PosePort {
 public:
  void tell(std::shared_ptr<const region::PoseTable>) override {}
};

struct Visitor {
  PlayerId player{};
  EntityId body{};
  std::string token;
  SessionId session{};
  std::shared_ptr<Port> port;
  ActionSeq last{};
  std::uint64_t poses = 0;
  Vec3 position;
};

class TownTest : public ::testing::Test {
 protected:
  static constexpr std::uint64_t SEED = 7;

  TownTest() {
    embedded::configure({nullptr, &clock_, 1});
    executor_.start();
    const auto* test = ::testing::UnitTest::GetInstance()->current_test_info();
    database_ = store::Database::open(embedded::api(), std::string("memory:") + test->name()).value();
  }
  ~TownTest() override {
    if (supervisor_) close();
    executor_.stop();
    executor_.join();
  }

  template <class T>
  static T wait(std::future<T> future) {
    if (future.wait_for(PATIENCE) != std::future_status::ready)
      throw std::runtime_error("an answer is missing");
    return future.get();
  }
  template <class T>
  T run(Function<Task<Result<T>>()> task) {
    auto promise = std::make_shared<std::promise<Result<T>>>();
    auto future = promise->get_future();
    const auto keep = [](std::shared_ptr<std::promise<Result<T>>> out,
                         std::shared_ptr<Function<Task<Result<T>>()>> body) -> Task<void> {
      out->set_value(co_await (*body)());
    };
    auto body = std::make_shared<Function<Task<Result<T>>()>>(std::move(task));
    executor_.post([promise, body, keep] {
      spawn(keep(promise, body), [promise](std::exception_ptr error) {
        if (error) promise->set_exception(error);
      });
    });
    if (future.wait_for(PATIENCE) != std::future_status::ready) throw std::runtime_error("a task hangs");
    Result<T> result = future.get();
    if (!result) throw std::runtime_error(result.error().text);
    return std::move(*result);
  }

  // Makes the world if there is none, and starts its region.
  void open() {
    run<region::Genesis>([this] {
      return region::ensure_world(*database_, executor_, keys_, content_, SEED, [](auto, auto) {});
    });
    std::promise<void> started;
    executor_.post([&] {
      supervisor_.emplace(executor_, actor::Intensity{}, [](const std::string& name) {
        ADD_FAILURE() << name << " cannot be kept running";
      });
      actor::ChildSpec spec{"region", actor::Restart::PERMANENT, executor_, actor::MAILBOX_LIMIT};
      region_ = supervisor_->start_child<region::Message>(spec, [this](actor::Life life) {
        const region::Region::World world{content_, *database_, keys_, entropy_, clock_};
        return std::make_unique<region::Region>(std::move(life), world, region::Region::Options{});
      });
      started.set_value();
    });
    wait(started.get_future());
  }

  // Saves where everybody is and ends the region.
  void close() {
    std::promise<void> drained;
    region_.cast(region::Drain{[&] { drained.set_value(); }});
    EXPECT_EQ(drained.get_future().wait_for(PATIENCE), std::future_status::ready);
    std::promise<void> stopped;
    executor_.post([&] { supervisor_->stop([&] { stopped.set_value(); }); });
    EXPECT_EQ(stopped.get_future().wait_for(PATIENCE), std::future_status::ready);
    std::promise<void> gone;
    executor_.post([&] {
      supervisor_.reset();
      gone.set_value();
    });
    wait(gone.get_future());
  }

  Visitor arrive(const std::string& name, std::optional<std::string> token = {}) {
    std::promise<std::variant<region::Admission, std::string>> admitted;
    region_.cast(region::Admit{std::move(token), name, [&](auto answer) { admitted.set_value(answer); }});
    const auto admission = std::get<region::Admission>(wait(admitted.get_future()));
    Visitor visitor;
    visitor.player = admission.player;
    visitor.token = admission.token;
    visitor.session = SessionId{++sessions_};
    visitor.port = std::make_shared<Port>();
    region_.cast(region::Enter{visitor.session, visitor.player, visitor.port, std::make_shared<Deaf>()});
    const region::Entered entered = visitor.port->entered();
    visitor.body = entered.body;
    visitor.last = entered.last_seq;
    visitor.position = entered.position;
    return visitor;
  }

  world::Refusal act(Visitor& visitor, wire::ActionBody body) {
    visitor.last = next(visitor.last);
    region_.cast(region::Act{visitor.session, wire::Action{visitor.last, std::move(body)}});
    return visitor.port->answer(visitor.last);
  }

  // The region lets a body go as far as its speed and the time since its last pose allow: 1 m a millisecond
  // here.
  void walk(Visitor& visitor, const Vec3& to) {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    visitor.position = to;
    wire::PoseUpdate update;
    update.pose_seq = ++visitor.poses;
    update.pose.position = to;
    region_.cast(region::PoseMade{visitor.session, update});
  }

  // Generated entities of this kind, the nearest to `from` first.
  std::vector<world::Entity> near(const Vec3& from, world::EntityKind kind) {
    std::vector<world::Entity> found;
    for (const ChunkCode code : world::new_world_chunks()) {
      const ChunkPos chunk = pos_of(code);
      if (std::abs(chunk.x) > 2 || std::abs(chunk.z) > 2) continue;
      for (const world::Entity& entity : world::generate_chunk(content_, SEED, code)) {
        if (content_.entity(entity.type)->kind == kind) found.push_back(entity);
      }
    }
    std::sort(found.begin(), found.end(), [&](const auto& a, const auto& b) {
      return distance_squared(a.position, from) < distance_squared(b.position, from);
    });
    return found;
  }

  // A day's work that uses every kind of action, some of them refused.
  void work(Visitor& visitor, std::size_t offset) {
    const auto trees = near(visitor.position, world::EntityKind::TREE);
    const auto bushes = near(visitor.position, world::EntityKind::BUSH);
    for (std::size_t i = 0; i < 3; ++i) {
      for (const auto* list : {&trees, &bushes}) {
        const world::Entity& target = (*list)[(offset + i) % list->size()];
        const world::EntityDef& def = *content_.entity(target.type);
        walk(visitor, {target.position.x + def.radius_mm + 800, 0, target.position.z});
        for (int hit = 0; hit < 4; ++hit) act(visitor, wire::Harvest{target.id});
      }
    }
    act(visitor, wire::Craft{RecipeId{0}, 1});
    const Vec3 before = visitor.position;
    act(visitor, wire::Build{type_named("wood_wall"), {before.x + 2'500, 0, before.z + 1'000}, 90'000});
    act(visitor, wire::Drop{{world::item_named(content_, "berries"), 1}});
    act(visitor, wire::PickUp{EntityId{1}});
    act(visitor, wire::Interact{visitor.body});
    act(visitor, wire::Transfer{visitor.body, {world::item_named(content_, "wood"), 1}, false});
    act(visitor, wire::Idle{});
  }

  EntityType type_named(std::string_view key) const {
    for (std::size_t i = 0; i < content_.entities.size(); ++i) {
      if (content_.entities[i].key == key) return EntityType{static_cast<std::uint16_t>(i)};
    }
    throw std::runtime_error("no such entity type");
  }

  // The rows of a range as they lie in the store.
  store::KeyValues rows(const store::KeyRange& range) {
    return run<store::KeyValues>([this, range]() -> Task<Result<store::KeyValues>> {
      store::Transaction reader = database_->begin(executor_);
      co_return co_await reader.get_range(range);
    });
  }
  void change(Function<void(store::Transaction&)> changes) {
    run<bool>([this, &changes]() -> Task<Result<bool>> {
      store::Transaction writer = database_->begin(executor_);
      changes(writer);
      const auto committed = co_await writer.commit();
      if (!committed) co_return tl::unexpected<Error>(committed.error());
      co_return true;
    });
  }

  const world::Content& content_ = quick_content();
  platform_os::OsClock clock_;
  platform_os::OsEntropy entropy_;
  platform_os::AsioExecutor executor_{"town"};
  std::unique_ptr<store::Database> database_;
  const store::WorldKeys keys_{"town"};
  std::optional<actor::Supervisor> supervisor_;
  actor::Ref<region::Message> region_;
  std::uint64_t sessions_ = 0;
};

}  // namespace everframe::inspect
