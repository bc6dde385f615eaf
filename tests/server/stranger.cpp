#include "stranger.h"

#include <boost/json.hpp>

#include "server_process.h"
#include "transport/sdp.h"

namespace everframe::tests {

namespace {

constexpr std::chrono::seconds PATIENCE{30};

std::shared_ptr<const transport::Certificate> certificate() {
  static const auto made = transport::Certificate::make().value();
  return made;
}

std::uint64_t fresh_seed() {
  platform_os::OsEntropy entropy;
  return entropy.u64();
}

}  // namespace

std::vector<Address> candidates_of(const std::string& sdp) {
  return transport::read_sdp(sdp).value().candidates;
}

Address candidate_of(const std::string& sdp) {
  return candidates_of(sdp).front();
}

std::string connect_json(const std::string& sdp, const std::string& more) {
  return "{\"type\":\"offer\",\"sdp\":" + boost::json::serialize(boost::json::value(sdp)) + more + "}";
}

std::string fresh_offer() {
  return transport::Client(certificate(), fresh_seed()).offer();
}

Stranger::Stranger(std::string url, std::string with_token)
    : token(std::move(with_token)), url_(std::move(url)) {
  executor_.start();
}

Stranger::~Stranger() {
  on_executor([this] {
    if (client_) {
      client_->close("gone", executor_.now());
      drain();
    }
    socket_.reset();
    return true;
  });
  executor_.stop();
  executor_.join();
}

template <class F>
auto Stranger::on_executor(F work) -> decltype(work()) {
  std::promise<decltype(work())> promise;
  executor_.post([&] { promise.set_value(work()); });
  return promise.get_future().get();
}

bool Stranger::enter() {
  const std::string offer = on_executor([this] {
    client_.emplace(certificate(), fresh_seed());
    events_ = client_->open({"events", "everframe.1", true, {}, {}}, executor_.now()).value();
    state_ = client_->open({"state", "everframe.1", false, 0, {}}, executor_.now()).value();
    return client_->offer();
  });
  const HttpReply reply = http_post(url_, "/v1/connect",
                                    connect_json(offer, token.empty() ? "" : ",\"token\":\"" + token + "\""));
  if (reply.status != 200) return false;
  const auto body = boost::json::parse(reply.body);
  answer = std::string(body.at("sdp").as_string());
  token = std::string(body.at("token").as_string());
  on_executor([this] {
    const Address any = candidate_of(answer).is_v4() ? Address::v4(0, 0, 0, 0, 0) : Address{};
    auto opened = network_.open_udp(executor_, any, [this](std::span<const platform::Datagram> in) {
      for (const auto& datagram : in) client_->receive(datagram.peer, datagram.bytes, executor_.now());
      drain();
    });
    socket_ = std::move(opened.value());
    EF_ASSERT(client_->accept_answer(answer, executor_.now()).has_value());
    tick();
    return true;
  });
  return wait([](const Heard& heard) { return heard.last<wire::Welcome>() != nullptr; });
}

void Stranger::tick() {
  client_->advance(executor_.now());
  drain();
  executor_.after(5ms, [this] { tick(); });
}

void Stranger::drain() {
  {
    const std::lock_guard lock(mutex_);
    while (auto event = client_->next_event()) {
      if (const auto* message = std::get_if<transport::PeerMessage>(&event->what)) {
        if (message->channel == state_) ++heard_.states;
        if (message->channel != events_) continue;
        if (auto said = wire::decode_server_event(message->bytes)) heard_.events.push_back(std::move(*said));
      } else if (const auto* gone = std::get_if<transport::PeerChannelClosed>(&event->what)) {
        heard_.closed_channels.push_back(gone->channel);
      } else if (const auto* closed = std::get_if<transport::PeerClosed>(&event->what)) {
        heard_.closed = closed->reason;
      }
    }
  }
  changed_.notify_all();
  std::vector<transport::Outgoing> outgoing;
  client_->flush(executor_.now(), outgoing);
  std::vector<platform::Datagram> batch;
  for (const auto& datagram : outgoing) batch.push_back({datagram.to, datagram.bytes});
  if (socket_) socket_->send(batch);
}

transport::ChannelId Stranger::open(transport::ChannelOptions options) {
  return on_executor([&] {
    const transport::ChannelId id = client_->open(std::move(options), executor_.now()).value();
    drain();
    return id;
  });
}

transport::SendOutcome Stranger::send(transport::ChannelId channel, const Bytes& message, bool binary) {
  return on_executor([&] {
    const auto outcome = client_->send(channel, message, binary, executor_.now());
    drain();
    return outcome;
  });
}

void Stranger::send_event(const wire::ClientEvent& event) {
  Bytes bytes;
  wire::encode(bytes, event);
  send(events_, bytes);
}

bool Stranger::wait(const std::function<bool(const Heard&)>& what) {
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, PATIENCE, [&] { return what(heard_); });
}

Stranger::Heard Stranger::heard() {
  const std::lock_guard lock(mutex_);
  return heard_;
}

}  // namespace everframe::tests
