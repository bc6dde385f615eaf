// What would break these: a codec that accepts two forms of one number, a Morton code that loses a bit, a
// histogram whose quantile is off by a bucket, an address that does not survive its own text, a Function that
// copies, loses or keeps what it holds.
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <array>
#include <memory>
#include <thread>
#include <vector>

#include "base/address.h"
#include "base/codec.h"
#include "base/function.h"
#include "base/geometry.h"
#include "base/histogram.h"
#include "base/random.h"
#include "base/task.h"

using namespace everframe;

TEST(Codec, RoundTripsEveryNumber) {
  EXPECT_TRUE(rc::check("varint and zigzag round trip", [](std::uint64_t u, std::int64_t s) {
    Bytes out;
    ByteWriter writer(out);
    writer.varint(u);
    writer.zigzag(s);
    ByteReader reader(out);
    RC_ASSERT(reader.varint() == u);
    RC_ASSERT(reader.zigzag() == s);
    RC_ASSERT(reader.done());
  }));
}

TEST(Codec, RefusesLongerFormsAndOverflow) {
  const Bytes padded = {0x80, 0x00};
  ByteReader long_form(padded);
  long_form.varint();
  EXPECT_FALSE(long_form.ok());
  const Bytes overflow = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02};
  ByteReader too_big(overflow);
  too_big.varint();
  EXPECT_FALSE(too_big.ok());
  ByteReader empty(ByteView{});
  EXPECT_EQ(empty.u32(), 0U);
  EXPECT_FALSE(empty.ok());
}

TEST(Geometry, ChunkCodeRoundTripsAndNegativePositionsFloor) {
  EXPECT_EQ(chunk_pos_of({-1, 0, 31'999}), (ChunkPos{-1, 0}));
  EXPECT_EQ(chunk_pos_of({-32'000, 0, 32'000}), (ChunkPos{-1, 1}));
  EXPECT_TRUE(rc::check("Morton code round trip", [](std::int16_t x, std::int16_t z) {
    RC_ASSERT(pos_of(code_of({x, z})) == (ChunkPos{x, z}));
  }));
}

TEST(Histogram, QuantilesAreWithinABucket) {
  Histogram histogram;
  for (int i = 1; i <= 10'000; ++i) histogram.add(i);
  EXPECT_NEAR(histogram.quantile_ms(0.5), 5.0, 0.17);
  EXPECT_NEAR(histogram.quantile_ms(0.99), 9.9, 0.32);
  EXPECT_DOUBLE_EQ(histogram.max_ms(), 10.0);
}

TEST(Address, SurvivesItsText) {
  for (const char* text : {"127.0.0.1:8080", "[::1]:0", "[2001:db8::7]:65535"}) {
    EXPECT_EQ(Address::parse(text).value().text(), text);
  }
  for (const char* text : {"", "8080", "localhost:80", "1.2.3.4:70000", "::1:80", "[::1]80", "1.2.3.4:"}) {
    EXPECT_FALSE(Address::parse(text).has_value()) << text;
  }
}

namespace {

// `adder` makes callables that add 1 to what they hold.
template <class Adder>
void hold_and_move(const Adder& adder) {
  auto held = std::make_shared<int>(0);
  {
    std::vector<Function<void()>> several;  // grows, and moves what lies in it
    for (int i = 0; i < 100; ++i) several.emplace_back(adder(held));
    EXPECT_EQ(held.use_count(), 101);
    for (const auto& function : several) function();
    EXPECT_EQ(*held, 100);
    Function<void()> taken = std::move(several.front());
    EXPECT_FALSE(several.front());
    taken = std::move(several.back());  // lets go of the one that it had
    EXPECT_EQ(held.use_count(), 100);
    taken();
    EXPECT_EQ(*held, 101);
    taken = nullptr;
    EXPECT_FALSE(taken);
    EXPECT_EQ(held.use_count(), 99);
  }
  EXPECT_EQ(held.use_count(), 1);
}

}  // namespace

TEST(Function, MovesWhatItHoldsAndLetsGoOfItOnce) {
  hold_and_move([](std::shared_ptr<int> held) { return [held] { ++*held; }; });  // lies in the Function
  hold_and_move(
      [](std::shared_ptr<int> held) { return [held, ones = std::array<int, 100>{1}] { *held += ones[0]; }; });
  Function<std::unique_ptr<int>(std::unique_ptr<int>)> passes = [](std::unique_ptr<int> number) {
    ++*number;
    return number;
  };
  EXPECT_EQ(*passes(std::make_unique<int>(6)), 7);
}

TEST(Prng, IsTheSameEverywhere) {
  Prng prng(42);
  EXPECT_EQ(prng.next(), 1546998764402558742ULL);
}

Task<int> seven() {
  co_return 7;
}
Task<> add_seven(int& sum) {
  sum += co_await seven();
}
Task<> throws() {
  co_await seven();
  EF_ASSERT(1 == 2);
}

Task<> add_many_sevens(std::uint64_t& sum, int times) {
  for (int i = 0; i < times; ++i) sum += static_cast<std::uint64_t>(co_await seven());
}

// Without optimisation and under sanitizers, where a transfer from one coroutine to the next is a call: a
// stack overflow.
TEST(Task, ManyThatNeverWaitTakeNoStack) {
  std::uint64_t sum = 0;
  spawn(add_many_sevens(sum, 300'000), [](std::exception_ptr error) { EXPECT_EQ(error, nullptr); });
  EXPECT_EQ(sum, 2'100'000U);
}

// Suspends its coroutine until it is told to go on.
struct Gate {
  bool await_ready() const { return false; }
  void await_suspend(std::coroutine_handle<> coroutine) { waiting = coroutine; }
  void await_resume() const {}
  std::coroutine_handle<> waiting;
};
Task<int> behind(Gate& gate) {
  co_await gate;
  co_return 1;
}
Task<> pass_both(Gate& first, Gate& second, int& sum) {
  sum += co_await behind(first) + co_await seven();
  sum += co_await behind(second);
}

TEST(Task, WhoHadToWaitGoesOnWithItsAwaiterWhereItIsResumed) {
  Gate first;
  Gate second;
  int sum = 0;
  bool done = false;
  spawn(pass_both(first, second, sum), [&](std::exception_ptr) { done = true; });
  EXPECT_EQ(sum, 0);
  std::thread elsewhere([&] { first.waiting.resume(); });
  elsewhere.join();
  EXPECT_EQ(sum, 8);
  EXPECT_FALSE(done);
  second.waiting.resume();
  EXPECT_EQ(sum, 9);
  EXPECT_TRUE(done);
}

TEST(Task, ReturnsValuesAndCarriesExceptions) {
  int sum = 0;
  spawn(add_seven(sum), [](std::exception_ptr error) { EXPECT_EQ(error, nullptr); });
  EXPECT_EQ(sum, 7);
  bool threw = false;
  spawn(throws(), [&](std::exception_ptr error) { threw = error != nullptr; });
  EXPECT_TRUE(threw);
}
