#include "node/node.h"

#include "actor/call.h"
#include "base/log.h"
#include "base/started.h"

namespace everframe::node {

namespace {

constexpr std::size_t PEERS_COMING_AND_GOING = 1'000;  // beside those that have a session
constexpr Duration DRAIN_ASKED_AGAIN = 10s;            // of who does not answer
constexpr Duration DRAIN_ASKED_AFTER_CRASH = 20ms;

// An actor that crashes while it drains forgets that it was told; its next life is told again.
template <class Drain, class Message>
Task<> drained(platform::Executor& executor, actor::Ref<Message> who) {
  const auto ask = [](actor::Reply<bool> reply) {
    return Message(Drain{[reply = std::move(reply)]() mutable { reply(true); }});
  };
  for (;;) {
    const actor::Answer<bool> answer = co_await actor::call<bool>(executor, who, DRAIN_ASKED_AGAIN, ask);
    if (answer || answer.error() == actor::CallFailure::GONE) co_return;
    co_await executor.sleep(DRAIN_ASKED_AFTER_CRASH);
  }
}

// The hubs at once: each waits for its own clients.
Task<> all_drained(platform::Executor& executor, actor::Ref<region::Message> region,
                   std::vector<actor::Ref<gateway::HubMessage>> hubs) {
  co_await drained<region::Drain>(executor, std::move(region));
  std::vector<Started<void>> under_way;
  for (const auto& hub : hubs) under_way.emplace_back(drained<gateway::Drain>(executor, hub));
  for (Started<void>& one : under_way) co_await std::move(one);
}

Address of_gateway(Address first, std::size_t gateway) {
  if (first.port != 0) first.port = static_cast<std::uint16_t>(first.port + gateway);
  return first;
}

}  // namespace

Node::Node(Surroundings surroundings, Options options)
    : around_(std::move(surroundings)),
      options_(std::move(options)),
      lines_(around_.executors.gateways.size()) {}

Result<void> Node::open_line(std::size_t gateway, std::shared_ptr<const transport::Certificate> certificate) {
  transport::Endpoint::Options endpoint;
  for (const Address& first : options_.public_addresses)
    endpoint.candidates.push_back(of_gateway(first, gateway));
  endpoint.peers_max = options_.sessions_max + PEERS_COMING_AND_GOING;
  endpoint.peers_an_ip_max = (endpoint.peers_an_ip_max + lines_.size() - 1) / lines_.size();
  endpoint.seed = around_.entropy.u64();
  auto line =
      gateway::Line::open(around_.network, *around_.executors.gateways[gateway],
                          of_gateway(options_.udp, gateway), std::move(certificate), std::move(endpoint));
  if (!line) return tl::unexpected<Error>(line.error());
  lines_[gateway] = std::move(*line);
  return {};
}

std::vector<Address> Node::udp() const {
  std::vector<Address> out;
  for (const auto& line : lines_) out.push_back(line->local());
  return out;
}

Task<Result<region::Genesis>> Node::open_world(store::Database& database) {
  database_ = &database;
  Function<void(std::size_t, std::size_t)> progress = [](std::size_t done, std::size_t all) {
    if (done == all || done % 256 == 0) log::info("making the world: {} of {} chunks", done, all);
  };
  auto genesis = co_await region::ensure_world(database, around_.executors.region, around_.keys,
                                               around_.content, options_.world_seed, std::move(progress));
  if (!genesis) co_return genesis;
  if (genesis->made) log::info("a new world: seed {}, {} entities", genesis->seed, genesis->entities);
  if (genesis->content_hash != around_.content.hash) {
    log::warn("the content pack is not the one that this world was made from: fine if it only appends");
  }
  co_return genesis;
}

void Node::start(Function<void(const std::string&)> failed) {
  EF_ASSERT(database_ != nullptr);
  root_.emplace(around_.executors.main, actor::Intensity{}, std::move(failed), actor::Strategy::ONE_FOR_ONE,
                actor::Place{around_.actors, "server", {}});
  region::Region::Options region_options;
  region_options.frame_interval_min = options_.frame_interval_min;
  region_options.state_hz = options_.state_hz;
  const region::Region::World world{around_.content, *database_,    around_.keys,
                                    around_.entropy, around_.clock, around_.steps};
  actor::ChildSpec region_spec{"region 1", actor::Restart::PERMANENT, around_.executors.region};
  region_ =
      root_->start_child<region::Message>(std::move(region_spec), [world, region_options](actor::Life life) {
        return std::make_unique<region::Region>(std::move(life), world, region_options);
      });
  for (std::size_t gateway = 0; gateway < lines_.size(); ++gateway) start_hub(gateway);
  std::vector<gateway::Door::Entrance> entrances;
  for (const auto& hub : hubs_) {
    entrances.emplace_back([hub](gateway::Connect request) {
      return hub.cast(std::move(request)) == actor::Delivery::DELIVERED;
    });
  }
  door_ = std::make_shared<gateway::Door>(around_.clock, std::move(entrances), options_.sessions_max);
}

void Node::start_hub(std::size_t gateway) {
  EF_ASSERT(lines_[gateway] != nullptr);
  gateway::Hub::Options hub_options;
  hub_options.session.state_hz = static_cast<std::uint8_t>(options_.state_hz);
  hub_options.session.view_chunks = static_cast<std::uint8_t>(options_.view_chunks);
  hub_options.session.world_edge_mm = around_.content.rules.world_size_mm / 2;
  hub_options.actors = around_.actors;
  hub_options.session.steps = around_.steps;
  hub_options.session.content_hash = around_.content.hash;
  hub_options.session.state_bytes_a_second = options_.state_kbit_s * 1'000 / 8;
  const std::string name = lines_.size() == 1 ? "hub" : fmt::format("hub {}", gateway + 1);
  actor::ChildSpec hub_spec{name, actor::Restart::PERMANENT, *around_.executors.gateways[gateway]};
  hubs_.push_back(root_->start_child<gateway::HubMessage>(
      std::move(hub_spec),
      [&clock = around_.clock, region = region_, hub_options, line = lines_[gateway]](actor::Life life) {
        return std::make_unique<gateway::Hub>(std::move(life), clock, line, region, hub_options);
      }));
}

void Node::drain(Function<void()> done) {
  spawn(all_drained(around_.executors.main, region_, hubs_),
        [self = std::weak_ptr(self_), done = std::move(done)](std::exception_ptr) mutable {
          if (const auto node = self.lock()) (*node)->root_->stop(std::move(done));
        });
}

}  // namespace everframe::node
