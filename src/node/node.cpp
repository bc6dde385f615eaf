#include "node/node.h"

#include "base/log.h"

namespace everframe::node {

namespace {

constexpr std::size_t PEERS_COMING_AND_GOING = 1'000;  // beside those that have a session

}  // namespace

Node::Node(Surroundings surroundings, Options options)
    : around_(surroundings), options_(std::move(options)) {}

Result<void> Node::open_line(std::shared_ptr<const transport::Certificate> certificate) {
  transport::Endpoint::Options endpoint;
  endpoint.candidates = options_.public_addresses;
  endpoint.peers_max = options_.sessions_max + PEERS_COMING_AND_GOING;
  endpoint.seed = around_.entropy.u64();
  auto line = gateway::Line::open(around_.network, around_.executors.gateway, options_.udp,
                                  std::move(certificate), std::move(endpoint));
  if (!line) return tl::unexpected<Error>(line.error());
  line_ = std::move(*line);
  return {};
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
  EF_ASSERT(line_ != nullptr && database_ != nullptr);
  root_.emplace(around_.executors.main, actor::Intensity{}, std::move(failed));
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
  gateway::Hub::Options hub_options;
  hub_options.sessions_max = options_.sessions_max;
  hub_options.session.state_hz = static_cast<std::uint8_t>(options_.state_hz);
  hub_options.session.view_chunks = static_cast<std::uint8_t>(options_.view_chunks);
  hub_options.session.world_edge_mm = around_.content.rules.world_size_mm / 2;
  hub_options.session.steps = around_.steps;
  hub_options.session.content_hash = around_.content.hash;
  hub_options.session.state_bytes_a_second = options_.state_kbit_s * 1'000 / 8;
  actor::ChildSpec hub_spec{"hub", actor::Restart::PERMANENT, around_.executors.gateway};
  hub_ = root_->start_child<gateway::HubMessage>(
      std::move(hub_spec),
      [&clock = around_.clock, region = region_, hub_options, line = line_](actor::Life life) {
        return std::make_unique<gateway::Hub>(std::move(life), clock, line, region, hub_options);
      });
}

void Node::drain(Function<void()> done) {
  drained_ = std::move(done);
  region_.cast(region::Drain{[this] {
    around_.executors.main.post([this] {
      hub_.cast(gateway::Drain{[this] {
        around_.executors.main.post([this] { root_->stop([this] { std::exchange(drained_, nullptr)(); }); });
      }});
    });
  }});
}

}  // namespace everframe::node
