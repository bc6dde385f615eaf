// A process with very many real peers, system calls included: an endpoint on a real socket as the server has
// it (platform_os), on one core; as many clients, each with a socket of its own, in a second process on
// another core. State goes down 20 times a second, in slices, as sessions take turns; actions up 10 times.
#include <sched.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <optional>

#include "base/assert.h"
#include "platform_os/asio_executor.h"
#include "platform_os/os_limits.h"
#include "platform_os/udp_network.h"
#include "transport/measure.h"

namespace everframe::bench {

using namespace transport;

namespace {

constexpr std::size_t OFFER_MAX = 4'096;  // bytes; answers too
constexpr std::size_t JOINING_MAX = 64;   // at a time
constexpr int SLICES = 10;                // of the peers, one after the other
constexpr Duration SLICE = 5ms;           // so each peer has an update every 50 ms
constexpr Duration ACTION_EVERY = 100ms;  // of each client
constexpr std::size_t ACTION_BYTES = 40;
constexpr Duration SETTLE = 2s;
constexpr Duration GIVE_UP = 120s;  // for joining

struct Shared {
  std::atomic<std::uint64_t> connected;  // clients whose channels are open
  std::atomic<std::uint64_t> messages;   // that they have received
  std::atomic<std::uint64_t> sent;       // by them
  std::atomic<bool> over;
};

// Stays wherever it is when there is no such core.
void stay_on(unsigned core) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(core, &set);
  sched_setaffinity(0, sizeof set, &set);
}

class Players {
 public:
  Players(std::size_t count, const Address& server, int signaling, Shared& shared)
      : count_(count),
        server_(server),
        signaling_(signaling),
        shared_(shared),
        poll_(epoll_create1(EPOLL_CLOEXEC)),
        certificate_(Certificate::make().value()) {}

  void run() {
    for (const Time end = clock_.now() + GIVE_UP + 60s; !shared_.over && clock_.now() < end;) {
      while (players_.size() < count_ && players_.size() < shared_.connected + JOINING_MAX) start();
      receive();
      act();
    }
  }

 private:
  struct Player {
    Player(const std::shared_ptr<const Certificate>& shown, std::uint64_t seed) : client(shown, seed) {}
    Client client;
    int socket = -1;
    std::size_t channels = 0;
    ChannelId state{};
    Time next_action{};
  };

  void start() {
    const Time now = clock_.now();
    auto player = std::make_unique<Player>(certificate_, players_.size() + 1);
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(server_.port);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    player->socket = ::socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    EF_ASSERT(player->socket >= 0);
    EF_ASSERT(connect(player->socket, reinterpret_cast<sockaddr*>(&to), sizeof to) == 0);
    epoll_event event{.events = EPOLLIN, .data = {.u64 = players_.size()}};
    EF_ASSERT(epoll_ctl(poll_, EPOLL_CTL_ADD, player->socket, &event) == 0);
    player->client.open(events_options(), now).value();
    player->state = player->client.open(state_options(), now).value();
    const std::string offer = player->client.offer();
    char answer[OFFER_MAX];
    if (::send(signaling_, offer.data(), offer.size(), MSG_NOSIGNAL) < 0) _exit(1);  // the server has ended
    const ssize_t size = recv(signaling_, answer, sizeof answer, 0);
    EF_ASSERT(size > 0);
    EF_ASSERT(player->client.accept_answer({answer, static_cast<std::size_t>(size)}, now).has_value());
    player->next_action = now + ACTION_EVERY * (players_.size() % 97) / 97;
    players_.push_back(std::move(player));
    flush(*players_.back(), now);
  }

  void receive() {
    epoll_event ready[256];
    const int count = epoll_wait(poll_, ready, std::size(ready), 1);
    for (int i = 0; i < count; ++i) {
      Player& player = *players_[ready[i].data.u64];
      std::uint8_t room[platform::DATAGRAM_SIZE_MAX];
      const Time now = clock_.now();
      for (int budget = 16; budget > 0; --budget) {
        const ssize_t size = recv(player.socket, room, sizeof room, MSG_DONTWAIT);
        if (size <= 0) break;
        player.client.receive(server_, ByteView(room, static_cast<std::size_t>(size)), now);
      }
      while (const auto event = player.client.next_event()) {
        EF_ASSERT(!std::holds_alternative<PeerClosed>(event->what));
        if (std::holds_alternative<PeerMessage>(event->what)) ++shared_.messages;
        if (std::holds_alternative<PeerChannel>(event->what) && ++player.channels == 2) ++shared_.connected;
      }
      flush(player, now);
    }
  }

  void act() {
    const Time now = clock_.now();
    for (const auto& player : players_) {
      const auto timeout = player->client.next_timeout();
      const bool due = timeout && *timeout <= now;
      if (due) player->client.advance(now);
      const bool acts = player->channels == 2 && player->next_action <= now;
      if (acts) {
        player->next_action = std::max(player->next_action + ACTION_EVERY, now);
        player->client.send(player->state, action_, true, now);
        ++shared_.sent;
      }
      if (due || acts) flush(*player, now);
    }
  }

  void flush(Player& player, Time now) {
    player.client.flush(now, out_);
    for (const Outgoing& datagram : out_)
      ::send(player.socket, datagram.bytes.data(), datagram.bytes.size(), MSG_DONTWAIT);
    out_.clear();
  }

  const std::size_t count_;
  const Address server_;
  const int signaling_;
  Shared& shared_;
  const int poll_;
  const platform_os::OsClock clock_{};
  const std::shared_ptr<const Certificate> certificate_;
  const Bytes action_ = Bytes(ACTION_BYTES, 3);
  std::vector<std::unique_ptr<Player>> players_;
  std::vector<Outgoing> out_;
};

struct Spent {
  double user_s = 0;
  double system_s = 0;
};
Spent spent() {
  rusage used{};
  getrusage(RUSAGE_SELF, &used);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
  };
  return {seconds(used.ru_utime), seconds(used.ru_stime)};
}

class Server {
 public:
  explicit Server(std::size_t peers) {
    auto socket = network_.open_udp(executor_, Address::v4(127, 0, 0, 1, 0),
                                    [this](std::span<const platform::Datagram> in) {
                                      const Time now = executor_.now();
                                      for (const auto& one : in) endpoint_->receive(one.peer, one.bytes, now);
                                      pump();
                                    });
    EF_ASSERT(socket.has_value());
    socket_ = std::move(*socket);
    endpoint_.emplace(Certificate::make().value(), Endpoint::Options{{socket_->local()}, peers, 1});
  }
  Address address() const { return socket_->local(); }

  struct Outcome {  // all a second
    Spent cpu;
    double down = 0;  // messages that arrived
    double up = 0;
    double datagrams_out = 0;
    double datagrams_in = 0;
  };
  // With `peers` clients that say in `shared` how far they are.
  Outcome measure(std::size_t peers, int signaling, const Shared& shared, Duration span) {
    executor_.post([&] {
      give_up_ = executor_.now() + GIVE_UP;
      join(signaling);
      slice();
      timers();
      begin(peers, shared, span);
    });
    executor_.run();
    return outcome_;
  }

 private:
  struct Mark {
    Time at;
    Spent cpu;
    EndpointFigures figures;
    std::uint64_t arrived;
    std::uint64_t heard;
  };
  Mark mark(const Shared& shared) const {
    return {executor_.now(), spent(), endpoint_->figures(), shared.messages, messages_};
  }

  // When all have joined, and what that has left to do is done.
  void begin(std::size_t peers, const Shared& shared, Duration span) {
    EF_ASSERT(executor_.now() < give_up_);
    if (shared.connected < peers) {
      executor_.after(20ms, [this, peers, &shared, span] { begin(peers, shared, span); });
      return;
    }
    executor_.after(SETTLE, [this, &shared, span] {
      executor_.after(span, [this, &shared, from = mark(shared)] { end(shared, from); });
    });
  }
  void end(const Shared& shared, const Mark& from) {
    const Mark to = mark(shared);
    const double seconds = static_cast<double>((to.at - from.at).count()) / 1e6;
    const auto rate = [&](std::uint64_t a, std::uint64_t b) { return static_cast<double>(b - a) / seconds; };
    outcome_ = {
        {(to.cpu.user_s - from.cpu.user_s) / seconds, (to.cpu.system_s - from.cpu.system_s) / seconds},
        rate(from.arrived, to.arrived),
        rate(from.heard, to.heard),
        rate(from.figures.datagrams_out, to.figures.datagrams_out),
        rate(from.figures.datagrams_in, to.figures.datagrams_in)};
    executor_.stop();
  }

  void join(int signaling) {
    char offer[OFFER_MAX];
    ssize_t size;
    while ((size = recv(signaling, offer, sizeof offer, MSG_DONTWAIT)) > 0) {
      auto accepted = endpoint_->accept({offer, static_cast<std::size_t>(size)}, executor_.now());
      EF_ASSERT(accepted.has_value());
      ids_.push_back(accepted->peer);
      ::send(signaling, accepted->answer.data(), accepted->answer.size(), 0);
    }
    if (size < 0) executor_.after(1ms, [this, signaling] { join(signaling); });
  }

  void slice() {
    const Time now = executor_.now();
    next_slice_ = std::max(next_slice_ + SLICE, now);
    for (std::size_t i = static_cast<std::size_t>(turn_); i < ids_.size(); i += SLICES)
      endpoint_->send(ids_[i], state_, update_, true, now);
    turn_ = (turn_ + 1) % SLICES;
    pump();
    executor_.after(next_slice_ - now, [this] { slice(); });
  }

  void timers() {
    const Time now = executor_.now();
    if (const auto due = endpoint_->next_timeout(); due && *due <= now) {
      endpoint_->advance(now);
      pump();
    }
    const auto next = endpoint_->next_timeout();
    executor_.after(next ? std::clamp<Duration>(*next - now, 0ms, 5ms) : Duration(5ms), [this] { timers(); });
  }

  void pump() {
    while (const auto event = endpoint_->next_event()) {
      EF_ASSERT(!std::holds_alternative<PeerClosed>(event->what));
      if (std::holds_alternative<PeerMessage>(event->what)) ++messages_;
      const auto* channel = std::get_if<PeerChannel>(&event->what);
      if (channel != nullptr && !channel->options.reliable()) state_ = channel->channel;
    }
    for (bool more = true; more;) {
      more = endpoint_->flush(executor_.now(), outgoing_, 64);
      batch_.clear();
      for (const Outgoing& datagram : outgoing_) batch_.push_back({datagram.to, datagram.bytes});
      if (!batch_.empty()) socket_->send(batch_);
      endpoint_->recycle(outgoing_);
    }
  }

  platform_os::AsioExecutor executor_{"server"};
  platform_os::UdpNetwork network_;
  std::optional<Endpoint> endpoint_;  // once the port is known
  std::unique_ptr<platform::UdpSocket> socket_;
  std::vector<PeerId> ids_;
  Time give_up_{};
  Outcome outcome_;
  ChannelId state_{};
  const Bytes update_ = Bytes(MESSAGE_BYTES, 7);
  std::uint64_t messages_ = 0;
  int turn_ = 0;
  Time next_slice_{};
  std::vector<Outgoing> outgoing_;
  std::vector<platform::Datagram> batch_;
};

Server::Outcome play(std::size_t peers, Duration span) {
  void* const memory =
      mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  EF_ASSERT(memory != MAP_FAILED);
  Shared& shared = *new (memory) Shared{};
  int signaling[2];
  EF_ASSERT(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, signaling) == 0);
  Server server(peers);
  const pid_t child = fork();
  EF_ASSERT(child >= 0);
  if (child == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    close(signaling[0]);
    stay_on(1);
    Players(peers, server.address(), signaling[1], shared).run();
    _exit(0);
  }
  close(signaling[1]);
  stay_on(0);
  const Server::Outcome outcome = server.measure(peers, signaling[0], shared, span);
  shared.over = true;
  int status = 0;
  EF_ASSERT(waitpid(child, &status, 0) == child && status == 0);
  close(signaling[0]);
  munmap(memory, sizeof(Shared));
  return outcome;
}

}  // namespace

void bench_sockets(const Settings& settings, Report& report) {
  platform_os::raise_open_files();
  cpu_set_t everywhere;
  sched_getaffinity(0, sizeof everywhere, &everywhere);
  for (const std::size_t peers : settings.smoke ? std::vector<std::size_t>{20} : settings.socket_peers) {
    const Server::Outcome outcome = play(peers, settings.smoke ? Duration(1s) : Duration(10s));
    const UdpFloor floor = udp_floor(settings.messages / 4);
    sched_setaffinity(0, sizeof everywhere, &everywhere);
    const double percent = 100 * (outcome.cpu.user_s + outcome.cpu.system_s);
    const auto count = static_cast<double>(peers);
    report.add("real peers, one core: " + std::to_string(peers),
               {{"core_percent", percent},
                {"of_it_user", 100 * outcome.cpu.user_s},
                {"floor_percent",
                 (outcome.datagrams_out * floor.send_ns + outcome.datagrams_in * floor.receive_ns) / 1e7},
                {"hz_down", outcome.down / count},
                {"hz_up", outcome.up / count},
                {"datagrams_out", outcome.datagrams_out},
                {"datagrams_in", outcome.datagrams_in}});
    if (peers == 2'000) report.target("percent of one core with 2,000 real peers", percent, 70, true);
  }
}

}  // namespace everframe::bench
