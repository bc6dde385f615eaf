#include "tunnel.h"

#include <algorithm>

#include "base/assert.h"

namespace everframe::sim {

namespace {
constexpr Duration TRIES_AGAIN_AFTER = 50ms;  // TCP, while nothing passes
}

struct Tunnel::Wire : std::enable_shared_from_this<Tunnel::Wire> {
  Wire(platform_sim::VirtualWorld& in, platform_sim::SimulatedNetwork& over, const Function<bool()>& cut,
       platform::Executor& on, Tunnel* of)
      : world(in), network(over), cut_off(cut), executor(on), tunnel(of) {}

  // What arrives may use the wire, and must not own it: the wire owns what is under way.
  struct Way {
    std::deque<std::pair<Time, Function<void()>>> under_way;
    bool busy = false;
  };

  platform_sim::VirtualWorld& world;
  platform_sim::SimulatedNetwork& network;
  const Function<bool()>& cut_off;
  platform::Executor& executor;  // the player's, while there is `tunnel`
  Tunnel* tunnel;
  std::shared_ptr<gateway::TunnelMouth> mouth;  // while there is the server's end
  bool server_gone = false;
  Way up;
  Way down;
  std::vector<gateway::TunnelMessage> heard;
  bool away = false;  // the gateway has a portion
  std::size_t bytes_up = 0;

  void travel(Way& way, Function<void()> arrive) {
    Time when = world.now() + network.latency();
    if (!way.under_way.empty()) when = std::max(when, way.under_way.back().first);
    way.under_way.emplace_back(when, std::move(arrive));
    if (!std::exchange(way.busy, true)) next(way);
  }
  void next(Way& way) {
    if (way.under_way.empty()) {
      way.busy = false;
      return;
    }
    const Time when = std::max(way.under_way.front().first, world.now());
    world.at(when, [self = shared_from_this(), &way] { self->pass(way); });
  }
  void pass(Way& way) {
    if (cut_off()) {
      world.after(TRIES_AGAIN_AFTER, [self = shared_from_this(), &way] { self->pass(way); });
      return;
    }
    const Function<void()> arrive = std::move(way.under_way.front().second);
    way.under_way.pop_front();
    arrive();
    next(way);
  }

  void open(std::shared_ptr<gateway::TunnelMouth> of) {
    if (server_gone) return;
    mouth = std::move(of);
    mouth->opened();
    pass_on();
  }
  void pass_on() {
    if (away || heard.empty() || !mouth) return;
    away = true;
    mouth->heard(std::exchange(heard, {}));
  }
  void arrived_at_server(Bytes bytes) {
    bytes_up -= bytes.size();
    world.trace().add(bytes);
    heard.push_back({std::move(bytes), true});
    pass_on();
  }
  // Runs `what` on the player's executor, unless the player's end is gone by then.
  template <class F>
  void tell_player(F what) {
    if (tunnel == nullptr) return;
    executor.post([self = shared_from_this(), what = std::move(what)]() mutable {
      if (self->tunnel != nullptr) what(*self->tunnel);
    });
  }
};

class Tunnel::End final : public gateway::TunnelSocket {
 public:
  explicit End(std::shared_ptr<Wire> wire) : wire_(std::move(wire)) {}
  ~End() override {
    wire_->server_gone = true;
    wire_->mouth.reset();
    wire_->travel(wire_->down, [wire = wire_.get()] {
      wire->tell_player([](Tunnel& tunnel) {
        tunnel.up_ = false;
        if (!tunnel.lost_) tunnel.lost_ = "the server closed it";
      });
    });
  }
  void write(std::vector<Bytes> messages) override {
    for (Bytes& message : messages) {
      wire_->travel(wire_->down, [wire = wire_.get(), bytes = std::make_shared<Bytes>(std::move(message))] {
        wire->world.trace().add(*bytes);
        wire->tell_player([wire, bytes](Tunnel& tunnel) {
          const auto what = wire::read_tunnelled(*bytes);
          EF_ASSERT(what.has_value());
          if (tunnel.up_) tunnel.receive_(what->channel, what->message, wire->executor.now());
        });
      });
    }
    // The kernel has them once the player's has, more or less.
    wire_->travel(wire_->down, [wire = wire_.get()] {
      if (wire->mouth) wire->mouth->written();
    });
  }
  void read_on() override {
    wire_->away = false;
    wire_->pass_on();
  }

 private:
  const std::shared_ptr<Wire> wire_;
};

Tunnel::Tunnel(platform_sim::VirtualWorld& world, platform_sim::SimulatedNetwork& network,
               const Function<bool()>& cut_off, platform::Executor& executor, Ask ask, Receive receive)
    : ask_(std::move(ask)),
      receive_(std::move(receive)),
      wire_(std::make_shared<Wire>(world, network, cut_off, executor, this)) {}

Tunnel::~Tunnel() {
  close("gone");
  wire_->tunnel = nullptr;
}

void Tunnel::enter(const bots::Who& who, Answered answered) {
  ask_(who, std::make_unique<End>(wire_),
       [wire = wire_, answered = std::move(answered)](Result<gateway::ConnectAnswer> answer) {
         if (wire->tunnel == nullptr) return;
         if (!answer) return answered(tl::unexpected<Error>(answer.error()));
         wire->tunnel->up_ = true;
         answered(answer->token);
         wire->open(std::move(answer->tunnel));
       });
}

bool Tunnel::send(Channel channel, ByteView message) {
  if (!up_) return false;
  Bytes bytes = wire::write_tunnelled(channel, message);
  wire_->bytes_up += bytes.size();
  wire_->travel(wire_->up, [wire = wire_.get(), held = std::make_shared<Bytes>(std::move(bytes))] {
    wire->arrived_at_server(std::move(*held));
  });
  return true;
}

std::size_t Tunnel::buffered(Channel) const {
  return wire_->bytes_up;
}

void Tunnel::close(std::string reason) {
  if (!lost_) lost_ = std::move(reason);
  if (!std::exchange(up_, false)) return;
  wire_->travel(wire_->up, [wire = wire_.get()] {
    if (wire->mouth) wire->mouth->closed("the player closed it");
  });
}

}  // namespace everframe::sim
