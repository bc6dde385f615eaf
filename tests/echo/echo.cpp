// echo: a server of data channels alone, for foreign stacks. Gives back each message on its channel as it
// came, text as text; the text "close" closes its channel from this side. Standard input: an offer a line,
// each as JSON text; standard output: the UDP port, then the answers likewise. Ends with its standard input.
#include <fmt/format.h>

#include <boost/json.hpp>
#include <cstdio>
#include <iostream>

#include "platform_os/asio_executor.h"
#include "platform_os/os_clock.h"
#include "platform_os/udp_network.h"
#include "transport/certificate.h"
#include "transport/endpoint.h"

namespace everframe {
namespace {

using namespace transport;

class Echo {
 public:
  // All on the executor from here on.
  explicit Echo(platform::Executor& executor) : executor_(executor) {
    auto socket = network_.open_udp(executor, Address::v4(127, 0, 0, 1, 0), [this](auto in) { receive(in); });
    socket_ = std::move(socket.value());
    Endpoint::Options options;
    options.candidates = {socket_->local()};
    options.seed = entropy_.u64();
    endpoint_.emplace(Certificate::make().value(), options);
    fmt::print("{}\n", socket_->local().port);
    std::fflush(stdout);
    tick();
  }

  void answer(const std::string& line) {
    const boost::json::value offer = boost::json::parse(line);
    const auto accepted = endpoint_->accept(std::string(offer.as_string()), executor_.now());
    const std::string said = accepted ? accepted->answer : "refused: " + accepted.error().text;
    fmt::print("{}\n", boost::json::serialize(boost::json::value(said)));
    std::fflush(stdout);
    pump();
  }

 private:
  void receive(std::span<const platform::Datagram> datagrams) {
    for (const platform::Datagram& datagram : datagrams)
      endpoint_->receive(datagram.peer, datagram.bytes, executor_.now());
    pump();
  }

  void tick() {
    endpoint_->advance(executor_.now());
    pump();
    executor_.after(2ms, [this] { tick(); });
  }

  void pump() {
    while (const auto event = endpoint_->next_event()) {
      const auto* message = std::get_if<PeerMessage>(&event->what);
      if (message == nullptr) continue;
      const Time now = executor_.now();
      if (!message->binary && chars_of(message->bytes) == "close") {
        endpoint_->close_channel(event->peer, message->channel, now);
      } else {
        endpoint_->send(event->peer, message->channel, message->bytes, message->binary, now);
      }
    }
    endpoint_->flush(executor_.now(), outgoing_);
    batch_.clear();
    for (const Outgoing& datagram : outgoing_) batch_.push_back({datagram.to, datagram.bytes});
    socket_->send(batch_);
    endpoint_->recycle(outgoing_);
  }

  platform::Executor& executor_;
  platform_os::UdpNetwork network_;
  platform_os::OsEntropy entropy_;
  std::unique_ptr<platform::UdpSocket> socket_;
  std::optional<Endpoint> endpoint_;
  std::vector<Outgoing> outgoing_;
  std::vector<platform::Datagram> batch_;
};

}  // namespace
}  // namespace everframe

int main() {
  using namespace everframe;
  platform_os::AsioExecutor executor("echo");
  std::optional<Echo> echo;
  executor.start();
  executor.post([&] { echo.emplace(executor); });
  for (std::string line; std::getline(std::cin, line);) executor.post([&, line] { echo->answer(line); });
  executor.stop();
  executor.join();
  return 0;
}
