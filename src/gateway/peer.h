// Peer: a Carrier that is a WebRTC peer of the line. Knows the client's channels by label and kind
// (spec/wire.md section 2); closes every other at once, and counts it. Threads: the gateway's executor.
#pragma once
#include <memory>
#include <optional>

#include "gateway/carrier.h"
#include "gateway/figures.h"
#include "gateway/line.h"

namespace everframe::gateway {

class Peer final : public Carrier {
 public:
  struct Accepted {
    std::unique_ptr<Carrier> carrier;
    std::string answer;  // SDP
  };
  // Refuses a malformed offer, and more peers than the line takes (Error::code 503).
  static Result<Accepted> accept(std::shared_ptr<Line> line, std::string_view offer,
                                 std::shared_ptr<Figures> figures, Tell tell);
  ~Peer() override;

  transport::SendOutcome send(Channel channel, ByteView message) override;
  void hurry() override { line_->hurry(id_); }
  std::size_t buffered() const override;

 private:
  Peer(std::shared_ptr<Line> line, transport::PeerId id, std::shared_ptr<Figures> figures, Tell tell);
  void happened(transport::PeerEvent event);
  void opened(const transport::PeerChannel& channel);
  std::optional<Channel> which(transport::ChannelId channel) const;

  const std::shared_ptr<Line> line_;
  const transport::PeerId id_;
  const std::shared_ptr<Figures> figures_;
  const Tell tell_;
  std::optional<transport::ChannelId> events_;
  std::optional<transport::ChannelId> state_;
};

}  // namespace everframe::gateway
