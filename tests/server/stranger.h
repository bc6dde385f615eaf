// Stranger: a WebRTC client that says whatever a test wants it to say, well-formed or not, on channels of its
// choice, and remembers what it heard. Blocking, for the test's thread; the client lives on an executor of
// its own.
#pragma once
#include <condition_variable>
#include <functional>
#include <future>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "platform_os/asio_executor.h"
#include "platform_os/udp_network.h"
#include "transport/client.h"
#include "wire/codec.h"

namespace everframe::tests {

class Stranger {
 public:
  // With a token: returns to that body.
  explicit Stranger(std::string url, std::string with_token = {});
  ~Stranger();

  // Enters with both channels and waits for the welcome; false if it does not come.
  bool enter();
  transport::ChannelId open(transport::ChannelOptions options);
  transport::SendOutcome send(transport::ChannelId channel, const Bytes& message, bool binary = true);
  transport::ChannelId events() const { return events_; }
  transport::ChannelId state() const { return state_; }
  void send_event(const wire::ClientEvent& event);

  // Waits until `what` of everything heard so far gives true.
  struct Heard {
    std::vector<wire::ServerEvent> events;
    std::vector<transport::ChannelId> closed_channels;
    std::optional<std::string> closed;
    std::size_t states = 0;
    template <class Event>
    const Event* last() const {
      for (auto event = events.rbegin(); event != events.rend(); ++event) {
        if (const auto* found = std::get_if<Event>(&*event)) return found;
      }
      return nullptr;
    }
  };
  bool wait(const std::function<bool(const Heard&)>& what);
  Heard heard();
  std::string answer;  // SDP
  std::string token;

 private:
  void tick();
  void drain();
  template <class F>
  auto on_executor(F work) -> decltype(work());

  const std::string url_;
  platform_os::AsioExecutor executor_{"stranger"};
  platform_os::UdpNetwork network_;
  std::unique_ptr<platform::UdpSocket> socket_;
  std::optional<transport::Client> client_;
  transport::ChannelId events_{};
  transport::ChannelId state_{};
  std::mutex mutex_;
  std::condition_variable changed_;
  Heard heard_;
};

// The UDP addresses that an SDP answer names, and the first of them.
std::vector<Address> candidates_of(const std::string& sdp);
Address candidate_of(const std::string& sdp);
// {"type":"offer", …} with a fresh client's offer.
std::string connect_json(const std::string& sdp, const std::string& more = "");
std::string fresh_offer();

}  // namespace everframe::tests
