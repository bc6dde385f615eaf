// Our SCTP against usrsctp, whose SCTP Firefox, libdatachannel and Godot have: whichever connects, over paths
// that lose. What would break these: a handshake, a chunk or a parameter that it reads otherwise than we do;
// a message lost, doubled, cut or out of order; a stream that is not reset on both sides.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "base/codec.h"
#include "transport/sctp/association.h"
#include "usrsctp_peer.h"

namespace everframe::tests {
namespace {

using namespace transport;
using namespace transport::sctp;

constexpr std::uint32_t DCEP = 50;
constexpr std::uint32_t BINARY = 53;
constexpr Duration DELAY = 10ms;
constexpr std::uint64_t COUNT = 60;  // messages of each channel, each way

Bytes numbered(std::uint64_t number) {
  Bytes out;
  ByteWriter(out).u64(number);
  out.resize(number % 10 == 3 ? 40'000 : 8 + number * 20, static_cast<std::uint8_t>(number));
  return out;
}

class Meeting {
 public:
  Meeting(UsrsctpPeer::Way way, std::uint32_t loss_percent)
      : theirs(way),
        ours(way == UsrsctpPeer::Way::CONNECTS ? Role::SERVER : Role::CLIENT, 65'536, Prng(loss_percent + 1)),
        we_connect_(way == UsrsctpPeer::Way::LISTENS),
        loss_percent_(loss_percent),
        dice_(loss_percent + 7) {}

  // In virtual time, a millisecond a step.
  template <class Done>
  bool run_until(Duration span, Done done) {
    for (const Time end = now + span; now < end && !done(); now += 1ms) step();
    return done();
  }

  // Whoever connects opens the channels; both ends know them then.
  void open_channels() {
    if (we_connect_) {
      events = ours.open({"events", "", true, {}, {}}, now).value();
      loose = ours.open({"loose", "", false, {}, {}}, now).value();
      ours.connect(now);
    } else {
      theirs.connect();
      theirs.send({raw(events), DCEP, open_message("events", true)});
      theirs.send({raw(loose), DCEP, open_message("loose", false)});
    }
    ASSERT_TRUE(run_until(60s, [&] { return opened == 2 && theirs.up; }));
  }

  UsrsctpPeer theirs;
  Association ours;
  Time now{1s};
  ChannelId events{0};
  ChannelId loose{2};
  std::size_t opened = 0;
  std::map<ChannelId, std::vector<Bytes>> we_heard;
  std::map<ChannelId, std::vector<Bytes>> they_heard;
  std::vector<ChannelId> closed;
  std::optional<std::string> ended;

 private:
  static Bytes open_message(const std::string& label, bool ordered) {
    Bytes out{3, static_cast<std::uint8_t>(ordered ? 0 : 0x80), 0, 0, 0, 0, 0, 0};
    out.push_back(0);
    out.push_back(static_cast<std::uint8_t>(label.size()));
    out.insert(out.end(), 2, 0);
    out.insert(out.end(), label.begin(), label.end());
    return out;
  }

  void step() {
    for (; !flying_.empty() && flying_.begin()->first <= now; flying_.erase(flying_.begin())) {
      const auto& [to_us, packet] = flying_.begin()->second;
      if (to_us) {
        ours.receive(packet, now);
      } else {
        theirs.receive(packet);
      }
    }
    theirs.tick();
    ours.advance(now);
    Bytes packet;
    for (int i = 0; i < 1'000 && ours.poll(packet, now); ++i) fly(false, packet);
    for (; !theirs.packets.empty(); theirs.packets.pop_front()) fly(true, theirs.packets.front());
    while (auto event = ours.next_event()) std::visit([this](auto& what) { happened(what); }, *event);
    for (const UsrsctpPeer::Message& message : std::exchange(theirs.heard, {})) hear(message);
  }
  void fly(bool to_us, const Bytes& packet) {
    if (dice_.below(100) < loss_percent_) return;
    flying_.emplace(now + DELAY, std::pair(to_us, packet));
  }
  void hear(const UsrsctpPeer::Message& message) {
    if (message.ppid == BINARY) return they_heard[ChannelId{message.stream}].push_back(message.bytes);
    if (message.ppid == DCEP && message.bytes.at(0) == 3) theirs.send({message.stream, DCEP, {2}});
  }
  void happened(const ChannelEvent&) { ++opened; }
  void happened(const MessageEvent& message) { we_heard[message.channel].push_back(message.bytes); }
  void happened(const ChannelClosedEvent& channel) { closed.push_back(channel.channel); }
  void happened(const ClosedEvent& why) { ended = why.reason; }
  void happened(const ConnectedEvent&) {}

  const bool we_connect_;
  const std::uint32_t loss_percent_;
  Prng dice_;
  std::multimap<Time, std::pair<bool, Bytes>> flying_;
};

void expect_all(std::vector<Bytes> heard, bool ordered) {
  ASSERT_EQ(heard.size(), COUNT);
  if (!ordered) {
    std::sort(heard.begin(), heard.end(),
              [](const Bytes& a, const Bytes& b) { return ByteReader(a).u64() < ByteReader(b).u64(); });
  }
  for (std::uint64_t i = 0; i < COUNT; ++i) EXPECT_TRUE(heard[i] == numbered(i)) << "message " << i;
}

class Usrsctp : public ::testing::TestWithParam<std::tuple<UsrsctpPeer::Way, std::uint32_t>> {};

TEST_P(Usrsctp, ExchangesMessagesAndResetsStreams) {
  const auto [way, loss_percent] = GetParam();
  Meeting meeting(way, loss_percent);
  meeting.open_channels();
  if (HasFatalFailure()) return;
  for (std::uint64_t i = 0; i < COUNT; ++i) {
    for (const ChannelId channel : {meeting.events, meeting.loose}) {
      ASSERT_EQ(meeting.ours.send(channel, numbered(i), true, meeting.now), SendOutcome::QUEUED);
      meeting.theirs.send({raw(channel), BINARY, numbered(i), channel == meeting.events});
    }
    meeting.run_until(20ms, [] { return false; });
  }
  const auto all_heard = [&] {
    for (const ChannelId channel : {meeting.events, meeting.loose}) {
      if (meeting.we_heard[channel].size() < COUNT || meeting.they_heard[channel].size() < COUNT)
        return false;
    }
    return true;
  };
  ASSERT_TRUE(meeting.run_until(300s, [&] { return all_heard() || meeting.ended; }));
  ASSERT_FALSE(meeting.ended) << *meeting.ended;
  for (const ChannelId channel : {meeting.events, meeting.loose}) {
    expect_all(meeting.we_heard[channel], channel == meeting.events);
    expect_all(meeting.they_heard[channel], channel == meeting.events);
  }

  // One closed by us, and one by them; each answers with its own half.
  const auto they_lost = [&](ChannelId channel) {
    return std::count(meeting.theirs.gone.begin(), meeting.theirs.gone.end(), raw(channel)) > 0;
  };
  const auto we_lost = [&](ChannelId channel) {
    return std::count(meeting.closed.begin(), meeting.closed.end(), channel) > 0;
  };
  meeting.ours.close(meeting.events, meeting.now);
  ASSERT_TRUE(meeting.run_until(120s, [&] { return they_lost(meeting.events); }));
  meeting.theirs.reset(raw(meeting.events));
  EXPECT_TRUE(meeting.run_until(120s, [&] { return we_lost(meeting.events); }));
  meeting.theirs.reset(raw(meeting.loose));
  EXPECT_TRUE(meeting.run_until(120s, [&] { return we_lost(meeting.loose) && they_lost(meeting.loose); }));
  EXPECT_EQ(meeting.closed.size(), 2U);

  meeting.ours.abort("enough");
  if (loss_percent == 0) {
    EXPECT_TRUE(meeting.run_until(1s, [&] { return !meeting.theirs.up; }));
  }
}

INSTANTIATE_TEST_SUITE_P(BothWays, Usrsctp,
                         ::testing::Combine(::testing::Values(UsrsctpPeer::Way::CONNECTS,
                                                              UsrsctpPeer::Way::LISTENS),
                                            ::testing::Values(0U, 5U, 15U)),
                         [](const auto& run) {
                           const bool connects = std::get<0>(run.param) == UsrsctpPeer::Way::CONNECTS;
                           return std::string(connects ? "ItConnects" : "ItListens") +
                                  std::to_string(std::get<1>(run.param)) + "PercentLost";
                         });

}  // namespace
}  // namespace everframe::tests
