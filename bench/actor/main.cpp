// actor_bench: what a message, a call, a birth and an idle actor cost, beside Erlang/OTP's in the same run
// (one scheduler each). Medians of several rounds. Ends with a checksum of what was counted.
#include <fmt/format.h>
#include <malloc.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <boost/json.hpp>
#include <chrono>
#include <cstdio>
#include <fstream>
#include <future>
#include <map>

#include "actor/call.h"
#include "actor/supervisor.h"
#include "platform_os/asio_executor.h"

namespace everframe::bench {

namespace {

using platform_os::AsioExecutor;

constexpr std::uint64_t BURST = 256;  // messages that a sender casts in one turn
constexpr std::uint64_t ONE_CORE_CASTS = 10'000'000;
constexpr std::uint64_t TWO_CORES_CASTS = 2'000'000;
constexpr std::uint64_t SPAWNS = 1'000'000;
constexpr double IDLE_BYTES = 512;
constexpr double CALLS_TIMES_OTP = 5;

struct Settings {
  std::uint64_t messages = 5'000'000;
  int rounds = 3;
  bool smoke = false;
  std::vector<std::string> only{};  // empty: all

  bool wants(const std::string& part) const {
    return only.empty() || std::find(only.begin(), only.end(), part) != only.end();
  }
};

double seconds_of(std::chrono::steady_clock::time_point since) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - since).count();
}

struct Add {
  std::uint64_t number;
};
struct Get {
  actor::Reply<std::uint64_t> reply;
};
using Message = std::variant<Add, Get>;

std::atomic<std::uint64_t> checksum = 0;

class Counter final : public actor::Actor<Message> {
 public:
  Counter(actor::Life life, std::uint64_t expected, std::promise<void>* done)
      : Actor(std::move(life)), left_(expected), done_(done) {}
  void receive(Message message) override {
    if (auto* get = std::get_if<Get>(&message)) return get->reply(sum_);
    sum_ += std::get<Add>(message).number;
    if (--left_ > 0) return;
    checksum += sum_;
    done_->set_value();
  }

 private:
  std::uint64_t left_;
  std::promise<void>* const done_;
  std::uint64_t sum_ = 0;
};

// Casts `count` messages, a burst a turn; a full mailbox is tried again the next turn.
class Sender final : public actor::Actor<int> {
 public:
  Sender(actor::Life life, actor::Ref<Message> to, std::uint64_t count)
      : Actor(std::move(life)), to_(std::move(to)), count_(count) {}
  void on_start() override { self().cast(0); }
  void receive(int) override {
    for (std::uint64_t i = 0; i < BURST && sent_ < count_; ++i) {
      if (to_.cast(Add{sent_}) != actor::Delivery::DELIVERED) break;
      ++sent_;
    }
    if (sent_ < count_) self().cast(0);
  }

 private:
  const actor::Ref<Message> to_;
  const std::uint64_t count_;
  std::uint64_t sent_ = 0;
};

// Runs `work` on the executor and waits for it.
template <class Work>
void on(AsioExecutor& executor, const Work& work) {
  std::promise<void> done;
  executor.post([&] {
    work();
    done.set_value();
  });
  done.get_future().wait();
}

struct House {
  explicit House(AsioExecutor& on_executor) : executor(on_executor) {
    on(executor, [&] { supervisor.emplace(executor, actor::Intensity{}, nullptr); });
  }
  ~House() {
    on(executor, [&] { supervisor.reset(); });
    on(executor, [] {});
  }
  AsioExecutor& executor;
  std::optional<actor::Supervisor> supervisor;
};

double casts_a_second(AsioExecutor& from, AsioExecutor& to, std::uint64_t count) {
  std::promise<void> done;
  House house(from);
  const auto start = std::chrono::steady_clock::now();
  on(from, [&] {
    const auto counter = house.supervisor->start_child<Message>(
        {"counter", actor::Restart::PERMANENT, to},
        [&](actor::Life life) { return std::make_unique<Counter>(std::move(life), count, &done); });
    house.supervisor->start_child<int>(
        {"sender", actor::Restart::PERMANENT, from},
        [&, counter](actor::Life life) { return std::make_unique<Sender>(std::move(life), counter, count); });
  });
  done.get_future().wait();
  return static_cast<double>(count) / seconds_of(start);
}

double calls_a_second(AsioExecutor& from, AsioExecutor& to, std::uint64_t count) {
  std::promise<void> done;
  House house(from);
  const auto talk = [&](actor::Ref<Message> counter) -> Task<> {
    for (std::uint64_t i = 0; i < count; ++i) {
      const auto answer = co_await actor::call<std::uint64_t>(
          from, counter, 10s,
          [](actor::Reply<std::uint64_t> reply) { return Message(Get{std::move(reply)}); });
      checksum += answer.value() + 1;
    }
  };
  const auto start = std::chrono::steady_clock::now();
  on(from, [&] {
    const auto counter = house.supervisor->start_child<Message>(
        {"counter", actor::Restart::PERMANENT, to},
        [&](actor::Life life) { return std::make_unique<Counter>(std::move(life), 0, nullptr); });
    spawn(talk(counter), [&](std::exception_ptr) { done.set_value(); });
  });
  done.get_future().wait();
  return static_cast<double>(count) / seconds_of(start);
}

struct Births {
  double a_second = 0;
  double bytes = 0;  // of the heap, of one that is idle
};
Births births(AsioExecutor& executor, std::uint64_t count) {
  malloc_trim(0);
  const std::size_t before = mallinfo2().uordblks;
  House house(executor);
  const auto start = std::chrono::steady_clock::now();
  on(executor, [&] {
    for (std::uint64_t i = 0; i < count; ++i) {
      house.supervisor->start_child<Message>(
          {"idle", actor::Restart::TEMPORARY, executor},
          [](actor::Life life) { return std::make_unique<Counter>(std::move(life), 0, nullptr); });
    }
  });
  on(executor, [] {});  // all have started
  const double seconds = seconds_of(start);
  const std::size_t after = mallinfo2().uordblks;
  on(executor, [&] { checksum += house.supervisor->census().children; });
  return {static_cast<double>(count) / seconds,
          static_cast<double>(after - before) / static_cast<double>(count)};
}

// What otp.escript prints; empty: there is no Erlang here.
std::map<std::string, double> otp_figures(std::uint64_t count) {
  std::map<std::string, double> out;
  const std::string command =
      fmt::format("command -v escript >/dev/null && escript {} {}", OTP_SCRIPT, count);
  FILE* const pipe = popen(command.c_str(), "r");
  if (pipe == nullptr) return out;
  char name[32];
  double value = 0;
  while (std::fscanf(pipe, "%31s %lf", name, &value) == 2) out[name] = value;
  pclose(pipe);
  return out;
}

class Report {
 public:
  void add(const std::string& name, std::vector<double> rounds) {
    std::sort(rounds.begin(), rounds.end());
    values_[name] = rounds[rounds.size() / 2];
    fmt::print("{:28} {:14.0f}\n", name, values_[name]);
    std::fflush(stdout);
  }
  void target(const std::string& name, double wanted, bool at_most) {
    if (!values_.contains(name)) return;
    const double reached = values_[name];
    const bool held = at_most ? reached <= wanted : reached >= wanted;
    fmt::print("{} {:28} {:.1f}, wanted {} {:.1f}\n", held ? "  held  " : "NOT held", name, reached,
               at_most ? "at most" : "at least", wanted);
    targets_.push_back(
        boost::json::object{{"name", name}, {"reached", reached}, {"wanted", wanted}, {"held", held}});
  }
  double operator[](const std::string& name) const {
    const auto found = values_.find(name);
    return found == values_.end() ? 0 : found->second;
  }
  boost::json::object json() const {
    boost::json::object values;
    for (const auto& [name, value] : values_) values[name] = value;
    return {{"values", std::move(values)}, {"targets", targets_}, {"checksum", checksum.load()}};
  }

 private:
  std::map<std::string, double> values_;
  boost::json::array targets_;
};

void run(const Settings& settings, Report& report) {
  AsioExecutor one("one");
  AsioExecutor two("two");
  one.start();
  two.start();
  const auto measure = [&](const std::string& part, const std::string& name, const auto& once) {
    if (!settings.wants(part)) return;
    std::vector<double> rounds;
    for (int i = 0; i < settings.rounds; ++i) rounds.push_back(once());
    report.add(name, std::move(rounds));
  };
  const std::uint64_t count = settings.messages;
  measure("casts", "casts/s, one executor", [&] { return casts_a_second(one, one, count); });
  measure("casts", "casts/s, two executors", [&] { return casts_a_second(one, two, count); });
  measure("calls", "calls/s, one executor", [&] { return calls_a_second(one, one, count / 10); });
  measure("calls", "calls/s, two executors", [&] { return calls_a_second(one, two, count / 50); });
  std::vector<double> bytes;
  measure("spawns", "spawns/s", [&] {
    const Births born = births(one, std::min<std::uint64_t>(count / 10, 200'000));
    bytes.push_back(born.bytes);
    return born.a_second;
  });
  if (!bytes.empty()) report.add("bytes an idle actor", bytes);
  std::map<std::string, std::vector<double>> otp;
  for (int i = 0; i < settings.rounds && settings.wants("otp"); ++i) {
    for (const auto& [name, value] : otp_figures(count)) otp[name].push_back(value);
  }
  if (otp.empty() && settings.wants("otp")) fmt::print("no Erlang here: install erlang-base to compare\n");
  const std::pair<const char*, const char*> NAMES[] = {{"send", "OTP: sends/s"},
                                                       {"cast", "OTP: gen_server casts/s"},
                                                       {"call", "OTP: gen_server calls/s"},
                                                       {"spawn", "OTP: spawns/s"},
                                                       {"idle_bytes", "OTP: bytes an idle process"}};
  for (const auto& [key, name] : NAMES) {
    if (otp.contains(key)) report.add(name, otp[key]);
  }
  if (!settings.smoke) {
    report.target("casts/s, one executor", ONE_CORE_CASTS, false);
    report.target("casts/s, two executors", TWO_CORES_CASTS, false);
    report.target("spawns/s", SPAWNS, false);
    report.target("bytes an idle actor", IDLE_BYTES, true);
    if (otp.contains("call"))
      report.target("calls/s, one executor", CALLS_TIMES_OTP * report["OTP: gen_server calls/s"], false);
  }
  one.stop();
  two.stop();
  one.join();
  two.join();
}

}  // namespace

}  // namespace everframe::bench

int main(int argc, char** argv) {
  using namespace everframe::bench;
  CLI::App app{"Actors beside Erlang/OTP's processes", "actor_bench"};
  Settings settings;
  std::string json;
  app.add_option("--json", json, "write the figures to this file");
  app.add_flag("--smoke", settings.smoke, "a moment, to see that it runs; its figures mean nothing");
  app.add_option("--rounds", settings.rounds, "of which the medians are taken")->check(CLI::Range(1, 100));
  app.add_option("--messages", settings.messages, "of one round of casts")
      ->check(CLI::Range(1'000, 1'000'000'000));
  app.add_option("--only", settings.only, "casts, calls, spawns, otp; may be repeated")
      ->check(CLI::IsMember({"casts", "calls", "spawns", "otp"}));
  CLI11_PARSE(app, argc, argv);
  if (settings.smoke) {
    settings.rounds = 1;
    settings.messages = 20'000;
  }
  Report report;
  run(settings, report);
  fmt::print("checksum {:016x}\n", checksum.load());
  if (json.empty()) return 0;
  std::ofstream file(json, std::ios::trunc);
  file << boost::json::serialize(report.json()) << '\n';
  return file ? 0 : 1;
}
